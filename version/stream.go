package version

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/varvedb/varve/kv"
)

// A stream between two maps, or in a bundle file, is frames: kind (1), length of
// the payload (4), payload, checksum (4): CRC-32C over the checksum before it, the
// kind, the length and the payload. So a frame that is missing, repeated or from
// elsewhere is noticed at the next one; numbers are little-endian.
//
// Frames take records until they have maxFrame/4 bytes. One record may be larger:
// an edit of a patch has a key and two values.
const (
	maxFrame   = 1 << 20
	maxPayload = maxFrame + kv.MaxKey + 2*kv.MaxValue
)

// Stream is the File of a *kv.CorruptionError that is about a bundle, a patch or
// what comes from another map.
const Stream = "the stream of versions"

// frameWriter writes frames. They are on their way after flush.
type frameWriter struct {
	w   *bufio.Writer
	sum uint32
	err error
}

func newFrameWriter(w io.Writer) *frameWriter { return &frameWriter{w: bufio.NewWriter(w)} }

func frameSum(before uint32, kind byte, payload []byte) uint32 {
	var head [9]byte
	binary.LittleEndian.PutUint32(head[:], before)
	head[4] = kind
	binary.LittleEndian.PutUint32(head[5:], uint32(len(payload)))
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, payload)
}

// frame writes a frame; the first error stays.
func (f *frameWriter) frame(kind byte, payload []byte) {
	if f.err != nil {
		return
	}
	f.sum = frameSum(f.sum, kind, payload)
	head := binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	for _, part := range [][]byte{head, payload, binary.LittleEndian.AppendUint32(nil, f.sum)} {
		if _, err := f.w.Write(part); err != nil {
			f.err = err
			return
		}
	}
}

func (f *frameWriter) flush() error {
	if f.err == nil {
		f.err = f.w.Flush()
	}
	return f.err
}

// frameReader reads frames.
type frameReader struct {
	r      *bufio.Reader
	sum    uint32
	offset int64
}

func newFrameReader(r io.Reader) *frameReader { return &frameReader{r: bufio.NewReader(r)} }

// next returns the next frame, whose payload belongs to the caller. At the end
// between two frames the error is io.EOF, within one io.ErrUnexpectedEOF.
func (f *frameReader) next() (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, nil, f.damaged(fmt.Sprintf("a frame of %d bytes", n))
	}
	payload, err = readSome(f.r, int(n)+4)
	if err != nil {
		return 0, nil, err
	}
	payload, tail := payload[:n:n], payload[n:]
	sum := frameSum(f.sum, head[0], payload)
	if sum != binary.LittleEndian.Uint32(tail) {
		return 0, nil, f.damaged("the checksum of a frame is wrong")
	}
	f.sum = sum
	f.offset += int64(len(head)) + int64(n) + 4
	return head[0], payload, nil
}

// readSome reads n bytes. Memory grows with what arrives, not with what a
// damaged length promises.
func readSome(r io.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	var data []byte
	for len(data) < n {
		part := make([]byte, min(step, n-len(data)))
		if _, err := io.ReadFull(r, part); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if data == nil {
			data = part
		} else {
			data = append(data, part...)
		}
	}
	return data, nil
}

func (f *frameReader) damaged(what string) error {
	return &kv.CorruptionError{File: Stream, Offset: f.offset, What: what}
}

// header reads the frame that begins a stream, and returns what is in it behind
// the magic text and the format.
func (f *frameReader) header(magic string) (*record, error) {
	data, err := f.expect(frameHeader)
	if err != nil {
		return nil, err
	}
	if rest, ok := bytes.CutPrefix(data, []byte(magic)); ok {
		return newRecord(rest), nil
	}
	return nil, f.damaged("it does not begin with " + magic)
}

// expect reads a frame that must be of one kind.
func (f *frameReader) expect(want byte) ([]byte, error) {
	kind, payload, err := f.next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && kind != want {
		err = f.damaged(fmt.Sprintf("a frame of kind %q where %q is expected", kind, want))
	}
	return payload, err
}
