//go:build !cgo_peers

package kvbench

// cgoEntrants are none without the build tag cgo_peers.
func cgoEntrants() []Entrant { return nil }
