package journal_test

import (
	"fmt"
	"log"

	"github.com/varvedb/varve/journal"
	"github.com/varvedb/varve/vfs"
)

func ExampleWriter() {
	opt := journal.Options{FS: vfs.NewMem(), Dir: "wal"}
	w, err := journal.Create(opt, journal.Tail{})
	if err != nil {
		log.Fatal(err)
	}
	ticket, err := w.Append([]byte("hello"))
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Wait(ticket, journal.Synced); err != nil {
		log.Fatal(err)
	}
	end, err := w.Close()
	fmt.Println(end, err)
	// Output: {1 110} <nil>
}

func ExampleRead() {
	opt := journal.Options{FS: vfs.NewMem(), Dir: "wal"}
	for _, record := range []string{"one", "two"} {
		tail, err := journal.Read(opt, 0, nil, func(r journal.Record) error {
			fmt.Printf("segment %d: %s\n", r.Segment, r.Data)
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("continue with segment", tail.Next)
		w, err := journal.Create(opt, tail)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := w.Append([]byte(record)); err != nil {
			log.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// continue with segment 1
	// segment 1: one
	// continue with segment 2
}

func ExampleSalvage() {
	disk := vfs.NewMem()
	opt := journal.Options{FS: disk, Dir: "wal"}
	w, err := journal.Create(opt, journal.Tail{})
	if err != nil {
		log.Fatal(err)
	}
	for _, record := range []string{"one", "two", "three"} {
		if _, err := w.Append([]byte(record)); err != nil {
			log.Fatal(err)
		}
		if err := w.Sync(); err != nil {
			log.Fatal(err)
		}
	}
	if err := disk.Corrupt("wal/000001.log", func(b []byte) []byte { b[103]++; return b }); err != nil {
		log.Fatal(err)
	}
	_, err = journal.Read(opt, 1, nil, nil)
	fmt.Println(err)
	lost, err := journal.Salvage(opt, 1, func(r journal.Record) error {
		fmt.Printf("%s\n", r.Data)
		return nil
	})
	fmt.Println(len(lost), "lost:", lost[0].File, lost[0].From, lost[0].To, err)
	// Output:
	// wal/000001.log is damaged at offset 84: a checksum does not match, but what was written later at 104 says that all below 104 was durable
	// one
	// three
	// 1 lost: wal/000001.log 84 104 <nil>
}

func ExampleFollower() {
	w, err := journal.Create(journal.Options{FS: vfs.NewMem(), Dir: "wal"}, journal.Tail{})
	if err != nil {
		log.Fatal(err)
	}
	for _, record := range []string{"one", "two"} {
		if _, err := w.Append([]byte(record)); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Sync(); err != nil {
		log.Fatal(err)
	}
	f := w.Follow(1)
	defer f.Close()
	for {
		more, err := f.Next(func(r journal.Record) error {
			fmt.Printf("%s\n", r.Data)
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		if !more { // f.Wait returns when there is more
			break
		}
	}
	if _, err := w.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// one
	// two
}
