module github.com/varvedb/varve/conformance

go 1.26.0

require (
	github.com/ethereum/go-ethereum v1.17.10
	github.com/ipfs/go-datastore v0.9.2
	github.com/varvedb/varve v0.0.0
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/holiman/uint256 v1.3.2 // indirect
	github.com/ipfs/go-detect-race v0.0.1 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/klauspost/cpuid/v2 v2.3.0 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/varvedb/varve => ../
