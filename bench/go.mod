module github.com/varvedb/varve/bench

go 1.26.0

require (
	github.com/varvedb/varve v0.0.0
	go.etcd.io/bbolt v1.5.0
)

require (
	github.com/fxamacker/cbor/v2 v2.9.6 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/varvedb/varve => ../
