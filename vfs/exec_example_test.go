package vfs_test

import (
	"fmt"

	"github.com/varvedb/varve/vfs"
)

func ExampleGroup() {
	exec := vfs.Go()
	mu := exec.NewMutex()
	sum := 0
	g := vfs.NewGroup(exec)
	for i := range 10 {
		g.Go("add", func() {
			mu.Lock()
			defer mu.Unlock()
			sum += i
		})
	}
	g.Wait()
	fmt.Println(sum)
	// Output: 45
}
