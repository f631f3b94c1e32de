package stripe

import (
	"sync"
	"testing"
)

func TestACounterCountsAll(t *testing.T) {
	var c Counter
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 1000 {
				c.Add([]byte{byte(i), byte(j)})
			}
			c.Add(nil)
		})
	}
	wait.Wait()
	if n := c.Load(); n != 8008 {
		t.Fatal(n)
	}
}
