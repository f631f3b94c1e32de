package vfs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/varvedb/varve/vfs"
)

func ExampleSystem() {
	tmp, err := os.MkdirTemp("", "vfs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(tmp)
	disk, dir := vfs.System(), filepath.ToSlash(tmp)

	lock, err := disk.Lock(dir+"/LOCK", vfs.LockOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lock.Close()
	_, err = disk.Lock(dir+"/LOCK", vfs.LockOptions{})
	fmt.Println("second opener is refused:", errors.Is(err, vfs.ErrLocked))

	err = vfs.WriteFile(disk, dir, dir+"/CURRENT", []byte("manifest 1"))
	fmt.Println("replaced atomically:", err == nil)
	data, err := vfs.ReadFile(disk, dir+"/CURRENT", 1<<20)
	fmt.Printf("%s %v\n", data, err)
	// Output:
	// second opener is refused: true
	// replaced atomically: true
	// manifest 1 <nil>
}

func ExampleMem_CrashClone() {
	disk := vfs.NewMem()
	f, _ := disk.Create("log")
	disk.SyncDir("/")
	f.WriteAt([]byte("synced"), 0)
	f.Sync()
	f.WriteAt([]byte(", not synced"), 6)

	for _, mode := range []vfs.CrashMode{vfs.KeepNone, vfs.KeepAll} {
		after := disk.CrashClone(vfs.CrashOptions{Mode: mode})
		data, _ := vfs.ReadFile(after, "log", 1<<20)
		fmt.Printf("%v: %s\n", mode, data)
	}
	// A test tries many seeds.
	for seed := range uint64(100) {
		after := disk.CrashClone(vfs.CrashOptions{Seed: seed})
		data, _ := vfs.ReadFile(after, "log", 1<<20)
		if string(data[:6]) != "synced" {
			fmt.Println("lost what was durable")
		}
	}
	// Output:
	// keep none: synced
	// keep all: synced, not synced
}

func ExampleFaulty() {
	disk := vfs.NewMem()
	save := func(disk vfs.FS) error {
		return vfs.WriteFile(disk, "/", "CURRENT", []byte("new"))
	}
	vfs.WriteFile(disk, "/", "CURRENT", []byte("old"))

	// Cut the power before each operation, until there is none left.
	for k := int64(0); ; k++ {
		before := disk.Clone()
		faulty := vfs.NewFaulty(before)
		faulty.SetHook(vfs.CrashAt(k))
		err := save(faulty)
		after := before.CrashClone(vfs.CrashOptions{Seed: uint64(k)})
		data, _ := vfs.ReadFile(after, "CURRENT", 100)
		if string(data) != "old" && string(data) != "new" || err == nil && string(data) != "new" {
			fmt.Printf("crash at %d: %q\n", k, data)
		}
		if !faulty.Crashed() {
			fmt.Println("save is atomic in", k, "operations")
			return
		}
	}
	// Output:
	// save is atomic in 7 operations
}

func ExampleSim() {
	sim := vfs.NewSim(42)
	start := sim.Now()
	err := sim.Run(func() {
		tasks := vfs.NewGroup(sim)
		mu := sim.NewMutex()
		total := 0
		for i := range 3 {
			tasks.Go(fmt.Sprint("adder ", i), func() {
				mu.Lock()
				defer mu.Unlock()
				total += i
			})
		}
		tasks.Wait()
		fmt.Println("total:", total)
	})
	fmt.Println("error:", err)

	err = sim.Run(func() {
		mu := sim.NewMutex()
		woken := sim.NewCond(mu)
		done := false
		sim.AfterFunc(time.Hour, func() {
			mu.Lock()
			defer mu.Unlock()
			done = true
			woken.Signal()
		})
		mu.Lock()
		defer mu.Unlock()
		for !done {
			woken.Wait()
		}
		fmt.Println("waited", sim.Now().Sub(start), "in no time")
		woken.Wait()
	})
	fmt.Println(err)
	// Output:
	// total: 3
	// error: <nil>
	// waited 1h0m0s in no time
	// deadlock: main (task 5) waits for a condition
}
