package ref_test

import (
	"testing"

	"github.com/varvedb/varve/kv/kvtest"
)

func TestTheFirstFormatIsRead(t *testing.T) {
	kvtest.RunFixture(t, kvtest.Engine{Name: "ref", Open: openForTest}, "testdata/format1")
}
