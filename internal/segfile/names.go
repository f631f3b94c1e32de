package segfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Name returns the name of a file: prefix, the number in at least six digits,
// suffix.
func Name(prefix string, number uint64, suffix string) string {
	return fmt.Sprintf("%s%06d%s", prefix, number, suffix)
}

// ParseName returns the number in a name that Name made.
func ParseName(name, prefix, suffix string) (number uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, suffix); !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || number == 0 || number == 1<<64-1 || fmt.Sprintf("%06d", number) != digits {
		return 0, false
	}
	return number, true
}

// Numbers returns the numbers of the names that have the prefix and the suffix,
// rising.
func Numbers(names []string, prefix, suffix string) (numbers []uint64) {
	for _, name := range names {
		if n, ok := ParseName(name, prefix, suffix); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}
