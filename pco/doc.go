// Package pco reads and writes Pcodec, a format for sequences of numbers: lossless,
// for all integers and floats from 8 to 64 bits, with ratios that general
// compressors do not reach on numbers. It implements the public format
// (pcodec.org), standalone versions 0 to 3 and the wrapped form up to version 4.1,
// and depends on nothing but Go's library.
//
// [Compress] and [Decompress] work on whole files. The wrapped form is for those
// who have a format of their own around it: a [Header] once, a chunk's metadata,
// and pages that are read alone and in any order, by a [ChunkDecoder] and its
// [PageDecoder].
//
// # How it works
//
// Numbers become unsigned integers of the same order, the latents. A mode splits
// these into one or two variables ("4.7 Modes"): multiples of a base and what is
// left, floats as multiples of a float, and so on. A delta encoding replaces them
// by differences. What is left is cut into bins: a number is the symbol of its bin,
// entropy coded with interleaved tANS (Duda, arXiv:1311.2540), and an offset in it.
//
// # Guarantees
//
// Decoded numbers are equal to the bit, NaN payloads and the sign of zero included.
// Decoding takes memory in proportion to the numbers asked for and to the bytes
// given, whatever these are. Malformed input is a [*FormatError], never a panic.
package pco
