package version

import "errors"

var (
	errUnsorted = errors.New("keys are not in strictly ascending order")
)
