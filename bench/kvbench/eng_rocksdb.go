//go:build cgo_peers

package kvbench

/*
#cgo LDFLAGS: -lrocksdb
#cgo noescape rk_get
#cgo nocallback rk_get
#cgo noescape rk_write
#cgo nocallback rk_write
#cgo noescape rk_iter
#cgo nocallback rk_iter
#cgo noescape rocksdb_put
#cgo nocallback rocksdb_put
#cgo noescape rocksdb_delete
#cgo nocallback rocksdb_delete
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <rocksdb/c.h>

typedef struct {
	rocksdb_t* db;
	rocksdb_options_t* o;
	rocksdb_block_based_table_options_t* bo;
	rocksdb_cache_t* cache;
	rocksdb_writeoptions_t* wo;
	rocksdb_readoptions_t* ro;
} rk;

static rk* rk_open(const char* dir, size_t cache, size_t mem, int bloom, int comp, int sync, int workers, char** err) {
	rk* r = calloc(1, sizeof *r);
	r->o = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(r->o, 1);
	rocksdb_options_set_write_buffer_size(r->o, mem);
	rocksdb_options_set_max_write_buffer_number(r->o, 4);
	rocksdb_options_set_max_background_jobs(r->o, workers < 2 ? 2 : workers);
	rocksdb_options_set_max_open_files(r->o, -1);
	rocksdb_options_set_compression(r->o, comp);
	rocksdb_options_set_max_bytes_for_level_base(r->o, 256u << 20);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(r->o, 1);
	r->bo = rocksdb_block_based_options_create();
	r->cache = rocksdb_cache_create_lru(cache);
	rocksdb_block_based_options_set_block_cache(r->bo, r->cache);
	rocksdb_block_based_options_set_block_size(r->bo, 4 << 10);
	rocksdb_block_based_options_set_format_version(r->bo, 5);
	if (bloom > 0)
		rocksdb_block_based_options_set_filter_policy(r->bo, rocksdb_filterpolicy_create_bloom_full(bloom));
	rocksdb_options_set_block_based_table_factory(r->o, r->bo);
	r->wo = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(r->wo, sync);
	r->ro = rocksdb_readoptions_create();
	r->db = rocksdb_open(r->o, dir, err);
	return r;
}

static void rk_close(rk* r) {
	if (r->db) rocksdb_close(r->db);
	rocksdb_readoptions_destroy(r->ro);
	rocksdb_writeoptions_destroy(r->wo);
	rocksdb_options_destroy(r->o);
	rocksdb_block_based_options_destroy(r->bo);
	rocksdb_cache_destroy(r->cache);
	free(r);
}

// Returns the value length, -1 if absent; copies it if it fits.
static int64_t rk_get(rk* r, rocksdb_readoptions_t* ro, const char* k, size_t kl, char* dst, size_t cap, char** err) {
	rocksdb_pinnableslice_t* p = rocksdb_get_pinned(r->db, ro ? ro : r->ro, k, kl, err);
	if (!p) return -1;
	size_t n;
	const char* v = rocksdb_pinnableslice_value(p, &n);
	if (v && n <= cap) memcpy(dst, v, n);
	rocksdb_pinnableslice_destroy(p);
	return v ? (int64_t)n : -1;
}

// ops is the harness' packed batch: one crossing for the whole batch.
static void rk_write(rk* r, const unsigned char* p, size_t n, char** err) {
	rocksdb_writebatch_t* b = rocksdb_writebatch_create();
	const unsigned char* e = p + n;
	while (p < e) {
		uint32_t kl, vl;
		memcpy(&kl, p + 1, 4);
		memcpy(&vl, p + 5, 4);
		const char* k = (const char*)p + 9;
		if (*p == 2) rocksdb_writebatch_delete(b, k, kl);
		else rocksdb_writebatch_put(b, k, kl, k + kl, vl);
		p += 9 + kl + vl;
	}
	rocksdb_write(r->db, r->wo, b, err);
	rocksdb_writebatch_destroy(b);
}

static void rk_delete_range(rk* r, const char* lo, size_t ll, const char* hi, size_t hl, char** err) {
	rocksdb_writebatch_t* b = rocksdb_writebatch_create();
	rocksdb_writebatch_delete_range(b, lo, ll, hi, hl);
	rocksdb_write(r->db, r->wo, b, err);
	rocksdb_writebatch_destroy(b);
}

static void rk_flush(rk* r, char** err) {
	rocksdb_flushoptions_t* f = rocksdb_flushoptions_create();
	rocksdb_flushoptions_set_wait(f, 1);
	rocksdb_flush(r->db, f, err);
	rocksdb_flushoptions_destroy(f);
}

static rocksdb_readoptions_t* rk_ro(const rocksdb_snapshot_t* s, const char* lo, size_t ll, const char* hi, size_t hl, int longscan) {
	rocksdb_readoptions_t* o = rocksdb_readoptions_create();
	if (s) rocksdb_readoptions_set_snapshot(o, s);
	if (ll) rocksdb_readoptions_set_iterate_lower_bound(o, lo, ll);
	if (hl) rocksdb_readoptions_set_iterate_upper_bound(o, hi, hl);
	(void)longscan;
	return o;
}

typedef struct { uint32_t kl, vl; } rk_ent;

// Moves (mode 0 first, 1 last, 2 seek>=, 3 seek<, 4 next, 5 prev), then copies
// up to max entries in direction dir (+1/-1) to buf; *n entries. The iterator
// rests on the last one copied, or, if *need is set, on one that did not fit
// and is *need bytes packed. Other modes do not move.
static void rk_iter(rocksdb_iterator_t* it, int mode, const char* k, size_t kl, int dir, int max,
                    char* buf, size_t cap, int* n, size_t* need, char** err) {
	switch (mode) {
	case 0: rocksdb_iter_seek_to_first(it); break;
	case 1: rocksdb_iter_seek_to_last(it); break;
	case 2: rocksdb_iter_seek(it, k, kl); break;
	case 3:
		rocksdb_iter_seek_for_prev(it, k, kl);
		if (rocksdb_iter_valid(it)) {
			size_t l;
			const char* c = rocksdb_iter_key(it, &l);
			if (l == kl && memcmp(c, k, kl) == 0) rocksdb_iter_prev(it);
		}
		break;
	case 4: if (rocksdb_iter_valid(it)) rocksdb_iter_next(it); break;
	case 5: if (rocksdb_iter_valid(it)) rocksdb_iter_prev(it); break;
	}
	int m = 0;
	size_t at = 0;
	*need = 0;
	while (rocksdb_iter_valid(it)) {
		size_t a, b;
		const char* key = rocksdb_iter_key(it, &a);
		const char* val = rocksdb_iter_value(it, &b);
		size_t sz = 8 + a + b;
		if (at + sz > cap) {
			*need = sz;
			break;
		}
		rk_ent e = { (uint32_t)a, (uint32_t)b };
		memcpy(buf + at, &e, 8);
		memcpy(buf + at + 8, key, a);
		memcpy(buf + at + 8 + a, val, b);
		at += sz;
		if (++m >= max) break;
		if (dir > 0) rocksdb_iter_next(it); else rocksdb_iter_prev(it);
	}
	*n = m;
	rocksdb_iter_get_error(it, err);
}
*/
import "C"

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

type rocksEng struct {
	r    *C.rk
	info Info
}

func cErr(e *C.char) error {
	if e == nil {
		return nil
	}
	s := C.GoString(e)
	C.free(unsafe.Pointer(e))
	return errors.New("rocksdb: " + s)
}

func cptr(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

func openRocks(c Config) (Engine, error) {
	comp, used := 0, "none"
	switch c.Compression {
	case "snappy":
		comp, used = 1, "snappy"
	case "lz4":
		comp, used = 4, "lz4"
	case "zstd":
		comp, used = 7, "zstd"
	}
	dir := C.CString(c.Dir)
	defer C.free(unsafe.Pointer(dir))
	var ce *C.char
	r := C.rk_open(dir, C.size_t(c.Cache), C.size_t(c.WriteBuffer), C.int(c.BloomBits),
		C.int(comp), C.int(b2i(c.Sync)), C.int(c.Workers), &ce)
	if err := cErr(ce); err != nil {
		C.rk_close(r)
		return nil, err
	}
	return &rocksEng{r: r, info: Info{Version: rocksVersion(c.Dir), Compression: used}}, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (e *rocksEng) Info() Info { return e.info }

func rocksGet(r *C.rk, ro *C.rocksdb_readoptions_t, key, dst []byte) ([]byte, bool, error) {
	if cap(dst) == 0 {
		dst = make([]byte, 0, 512)
	}
	for {
		dst = dst[:cap(dst)]
		var ce *C.char
		n := int(C.rk_get(r, ro, cptr(key), C.size_t(len(key)), cptr(dst), C.size_t(len(dst)), &ce))
		if ce != nil {
			return nil, false, cErr(ce)
		}
		if n < 0 {
			return nil, false, nil
		}
		if n <= len(dst) {
			return dst[:n], true, nil
		}
		dst = make([]byte, n)
	}
}

func (e *rocksEng) Get(key, dst []byte) ([]byte, bool, error) { return rocksGet(e.r, nil, key, dst) }

func (e *rocksEng) Put(k, v []byte) error {
	var ce *C.char
	C.rocksdb_put(e.r.db, e.r.wo, cptr(k), C.size_t(len(k)), cptr(v), C.size_t(len(v)), &ce)
	return cErr(ce)
}

func (e *rocksEng) Delete(k []byte) error {
	var ce *C.char
	C.rocksdb_delete(e.r.db, e.r.wo, cptr(k), C.size_t(len(k)), &ce)
	return cErr(ce)
}

func (e *rocksEng) DeleteRange(lo, hi []byte) error {
	var ce *C.char
	C.rk_delete_range(e.r, cptr(lo), C.size_t(len(lo)), cptr(hi), C.size_t(len(hi)), &ce)
	return cErr(ce)
}

func (e *rocksEng) Write(b *Batch) error {
	var ce *C.char
	C.rk_write(e.r, (*C.uchar)(unsafe.Pointer(unsafe.SliceData(b.Buf))), C.size_t(len(b.Buf)), &ce)
	return cErr(ce)
}

func (e *rocksEng) Flush() error {
	var ce *C.char
	C.rk_flush(e.r, &ce)
	return cErr(ce)
}

func (e *rocksEng) Compact() error {
	C.rocksdb_compact_range(e.r.db, nil, 0, nil, 0)
	return nil
}

func (e *rocksEng) Close() error { C.rk_close(e.r); e.r = nil; return nil }

type rocksCursor struct {
	it     *C.rocksdb_iterator_t
	ro     *C.rocksdb_readoptions_t
	lo, hi unsafe.Pointer
}

func rocksNewIter(r *C.rk, snap *C.rocksdb_snapshot_t, o IterOptions) (Iterator, error) {
	c := &rocksCursor{}
	if o.Lower != nil {
		c.lo = C.CBytes(o.Lower)
	}
	if o.Upper != nil {
		c.hi = C.CBytes(o.Upper)
	}
	c.ro = C.rk_ro(snap, (*C.char)(c.lo), C.size_t(len(o.Lower)), (*C.char)(c.hi), C.size_t(len(o.Upper)), C.int(b2i(o.Long)))
	c.it = C.rocksdb_create_iterator(r.db, c.ro)
	return newChunkIter(c), nil
}

func (c *rocksCursor) fill(mode int, key []byte, dir, max int, buf []byte) (n, need int, err error) {
	var cn C.int
	var cneed C.size_t
	var ce *C.char
	C.rk_iter(c.it, C.int(mode), cptr(key), C.size_t(len(key)), C.int(dir), C.int(max),
		cptr(buf), C.size_t(len(buf)), &cn, &cneed, &ce)
	return int(cn), int(cneed), cErr(ce)
}

func (c *rocksCursor) close() error {
	C.rocksdb_iter_destroy(c.it)
	C.rocksdb_readoptions_destroy(c.ro)
	C.free(c.lo)
	C.free(c.hi)
	return nil
}

func (e *rocksEng) NewIter(o IterOptions) (Iterator, error) { return rocksNewIter(e.r, nil, o) }

// rocksVersion: the C API does not tell it, the OPTIONS file does.
func rocksVersion(dir string) string {
	fs, _ := filepath.Glob(filepath.Join(dir, "OPTIONS-*"))
	for _, f := range fs {
		b, _ := os.ReadFile(f)
		if _, s, ok := strings.Cut(string(b), "rocksdb_version="); ok {
			s, _, _ = strings.Cut(s, "\n")
			return s
		}
	}
	return "?"
}
