package pco

import (
	"errors"
	"fmt"
)

// FormatError says where bytes are not Pcodec, and why.
type FormatError struct {
	// Offset is that of the part, in the bytes that were given, where something
	// is wrong.
	Offset int
	What   string
}

// Error names place and reason.
func (e *FormatError) Error() string { return fmt.Sprintf("pco: at byte %d: %s", e.Offset, e.What) }

// Errors, to be matched with errors.Is.
var (
	// ErrNewerFormat says that a later version of the format is needed.
	ErrNewerFormat = errors.New("pco: newer format")
	// ErrType says that the numbers are not of the type asked for.
	ErrType = errors.New("pco: wrong type")
	// ErrTooMany says that there are more numbers than asked for.
	ErrTooMany = errors.New("pco: too many numbers")
)

// malformed is a FormatError without place; whoever knows the place adds it.
func malformed(format string, args ...any) error {
	return &FormatError{What: fmt.Sprintf(format, args...)}
}

// at adds an offset to a FormatError.
func at(offset int, err error) error {
	var e *FormatError
	if errors.As(err, &e) {
		return &FormatError{Offset: e.Offset + offset, What: e.What}
	}
	return err
}
