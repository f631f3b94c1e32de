// Command hello is the smallest program: open, put, get.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/varvedb/varve"
)

func main() {
	dir := "hello-data"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := run(dir); err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	db, err := varve.Open(dir, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	greetings, err := varve.OpenMap[string, string](db, "greetings")
	if err != nil {
		return err
	}
	if err := greetings.Put("world", "hello"); err != nil {
		return err
	}
	word, _, err := greetings.Get("world")
	fmt.Println(word, "world")
	return err
}
