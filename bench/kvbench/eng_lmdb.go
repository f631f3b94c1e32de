//go:build cgo_peers

package kvbench

/*
#cgo LDFLAGS: -llmdb
#cgo noescape lm_get
#cgo nocallback lm_get
#cgo noescape lm_put
#cgo nocallback lm_put
#cgo noescape lm_write
#cgo nocallback lm_write
#cgo noescape lm_iter
#cgo nocallback lm_iter
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>

typedef struct { MDB_env* env; MDB_dbi dbi; } lm;

static int lm_open(lm* l, const char* dir, size_t map, unsigned flags) {
	int rc = mdb_env_create(&l->env);
	if (rc) return rc;
	mdb_env_set_mapsize(l->env, map);
	mdb_env_set_maxreaders(l->env, 512);
	rc = mdb_env_open(l->env, dir, flags, 0644);
	if (rc) return rc;
	MDB_txn* t;
	if ((rc = mdb_txn_begin(l->env, NULL, 0, &t))) return rc;
	if ((rc = mdb_dbi_open(t, NULL, 0, &l->dbi))) { mdb_txn_abort(t); return rc; }
	return mdb_txn_commit(t);
}

// One crossing per read: renew the pooled transaction, get, copy, reset.
static int lm_get(lm* l, MDB_txn* t, const char* k, size_t kl, char* dst, size_t cap, size_t* n) {
	int rc = mdb_txn_renew(t);
	if (rc) return rc;
	MDB_val key = { kl, (void*)k }, v;
	rc = mdb_get(t, l->dbi, &key, &v);
	if (!rc) {
		*n = v.mv_size;
		if (v.mv_size <= cap) memcpy(dst, v.mv_data, v.mv_size);
	}
	mdb_txn_reset(t);
	return rc;
}

// The whole transaction in one crossing (an LMDB write transaction belongs to
// its thread). p is the harness' packed batch.
static int lm_write(lm* l, const unsigned char* p, size_t n) {
	MDB_txn* t;
	int rc = mdb_txn_begin(l->env, NULL, 0, &t);
	if (rc) return rc;
	const unsigned char* e = p + n;
	while (p < e && !rc) {
		uint32_t kl, vl;
		memcpy(&kl, p + 1, 4);
		memcpy(&vl, p + 5, 4);
		MDB_val k = { kl, (void*)(p + 9) }, v = { vl, (void*)(p + 9 + kl) };
		if (*p == 2) {
			rc = mdb_del(t, l->dbi, &k, NULL);
			if (rc == MDB_NOTFOUND) rc = 0;
		} else rc = mdb_put(t, l->dbi, &k, &v, 0);
		p += 9 + kl + vl;
	}
	if (rc) { mdb_txn_abort(t); return rc; }
	return mdb_txn_commit(t);
}

static int lm_put(lm* l, const char* kp, size_t kl, const char* vp, size_t vl, int del) {
	MDB_txn* t;
	int rc = mdb_txn_begin(l->env, NULL, 0, &t);
	if (rc) return rc;
	MDB_val k = { kl, (void*)kp }, v = { vl, (void*)vp };
	if (del) {
		rc = mdb_del(t, l->dbi, &k, NULL);
		if (rc == MDB_NOTFOUND) rc = 0;
	} else rc = mdb_put(t, l->dbi, &k, &v, 0);
	if (rc) { mdb_txn_abort(t); return rc; }
	return mdb_txn_commit(t);
}

static int lm_delete_range(lm* l, const char* lo, size_t ll, const char* hi, size_t hl) {
	MDB_txn* t;
	int rc = mdb_txn_begin(l->env, NULL, 0, &t);
	if (rc) return rc;
	MDB_cursor* c;
	if ((rc = mdb_cursor_open(t, l->dbi, &c))) { mdb_txn_abort(t); return rc; }
	MDB_val k = { ll, (void*)lo }, v, h = { hl, (void*)hi };
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	while (!rc && mdb_cmp(t, l->dbi, &k, &h) < 0) {
		if ((rc = mdb_cursor_del(c, 0))) break;
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);  // the one after the deleted
	}
	mdb_cursor_close(c);
	if (rc && rc != MDB_NOTFOUND) { mdb_txn_abort(t); return rc; }
	return mdb_txn_commit(t);
}

// See rk_iter. lo/hi are the bounds (length 0: none).
static int lm_iter(lm* l, MDB_cursor* c, int mode, const char* k, size_t kl, int dir, int max,
                   const char* lo, size_t ll, const char* hi, size_t hl,
                   char* buf, size_t cap, int* n, size_t* need) {
	MDB_txn* t = mdb_cursor_txn(c);
	MDB_val key = { kl, (void*)k }, v, L = { ll, (void*)lo }, H = { hl, (void*)hi };
	int rc = 0;
	if (mode == 0 && ll) { mode = 2; key = L; }
	if (mode == 1 && hl) { mode = 3; key = H; }
	if (mode == 3 && hl && mdb_cmp(t, l->dbi, &key, &H) > 0) key = H;
	if (mode == 2 && ll && mdb_cmp(t, l->dbi, &key, &L) < 0) key = L;
	switch (mode) {
	case 0: rc = mdb_cursor_get(c, &key, &v, MDB_FIRST); break;
	case 1: rc = mdb_cursor_get(c, &key, &v, MDB_LAST); break;
	case 2: rc = mdb_cursor_get(c, &key, &v, MDB_SET_RANGE); break;
	case 3:
		rc = mdb_cursor_get(c, &key, &v, MDB_SET_RANGE);
		rc = mdb_cursor_get(c, &key, &v, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
		break;
	case 4: rc = mdb_cursor_get(c, &key, &v, MDB_NEXT); break;
	case 5: rc = mdb_cursor_get(c, &key, &v, MDB_PREV); break;
	default: rc = mdb_cursor_get(c, &key, &v, MDB_GET_CURRENT);
	}
	int m = 0;
	size_t at = 0;
	*need = 0;
	while (!rc) {
		if (hl && mdb_cmp(t, l->dbi, &key, &H) >= 0) break;
		if (ll && mdb_cmp(t, l->dbi, &key, &L) < 0) break;
		size_t a = key.mv_size, b = v.mv_size, sz = 8 + a + b;
		if (at + sz > cap) {
			*need = sz;
			break;
		}
		uint32_t h[2] = { (uint32_t)a, (uint32_t)b };
		memcpy(buf + at, h, 8);
		memcpy(buf + at + 8, key.mv_data, a);
		memcpy(buf + at + 8 + a, v.mv_data, b);
		at += sz;
		if (++m >= max) break;
		rc = mdb_cursor_get(c, &key, &v, dir > 0 ? MDB_NEXT : MDB_PREV);
	}
	*n = m;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

// One crossing to start an iterator.
static int lm_cursor(lm* l, MDB_txn* t, MDB_cursor** c) {
	int rc = mdb_txn_renew(t);
	if (rc) return rc;
	if (*c) return mdb_cursor_renew(t, *c);
	return mdb_cursor_open(t, l->dbi, c);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// lmdbRead is a pooled read transaction with its cursor.
type lmdbRead struct {
	t   *C.MDB_txn
	cur *C.MDB_cursor
}

type lmdbEng struct {
	l    *C.lm
	pool chan *lmdbRead
	info Info
}

func lmErr(rc C.int) error {
	if rc == 0 {
		return nil
	}
	return errors.New("lmdb: " + C.GoString(C.mdb_strerror(rc)))
}

func openLMDB(c Config, writeMap bool) (Engine, error) {
	l := (*C.lm)(C.calloc(1, C.sizeof_lm))
	flags := C.uint(C.MDB_NOTLS)
	if !c.Sync {
		flags |= C.MDB_NOSYNC
	}
	if c.SmallCache {
		flags |= C.MDB_NORDAHEAD
	}
	if writeMap {
		flags |= C.MDB_WRITEMAP
		if !c.Sync {
			flags |= C.MDB_MAPASYNC
		}
	}
	dir := C.CString(c.Dir)
	defer C.free(unsafe.Pointer(dir))
	if err := lmErr(C.lm_open(l, dir, 64<<30, flags)); err != nil {
		return nil, err
	}
	return &lmdbEng{l: l, pool: make(chan *lmdbRead, 256), info: Info{
		Version:     fmt.Sprintf("%d.%d.%d", C.MDB_VERSION_MAJOR, C.MDB_VERSION_MINOR, C.MDB_VERSION_PATCH),
		Compression: "none"}}, nil
}

func (e *lmdbEng) Info() Info { return e.info }

// acquire gives a reset (not running) read transaction.
func (e *lmdbEng) acquire() (*lmdbRead, error) {
	select {
	case r := <-e.pool:
		return r, nil
	default:
	}
	r := &lmdbRead{}
	if err := lmErr(C.mdb_txn_begin(e.l.env, nil, C.MDB_RDONLY, &r.t)); err != nil {
		return nil, err
	}
	C.mdb_txn_reset(r.t)
	return r, nil
}

func (e *lmdbEng) release(r *lmdbRead) {
	select {
	case e.pool <- r:
	default:
		r.free()
	}
}

func (r *lmdbRead) free() {
	if r.cur != nil {
		C.mdb_cursor_close(r.cur)
	}
	C.mdb_txn_abort(r.t)
}

func (e *lmdbEng) get(r *lmdbRead, key, dst []byte) ([]byte, bool, error) {
	if cap(dst) == 0 {
		dst = make([]byte, 0, 512)
	}
	for {
		dst = dst[:cap(dst)]
		var n C.size_t
		rc := C.lm_get(e.l, r.t, cptr(key), C.size_t(len(key)), cptr(dst), C.size_t(len(dst)), &n)
		if rc == C.MDB_NOTFOUND {
			return nil, false, nil
		}
		if rc != 0 {
			return nil, false, lmErr(rc)
		}
		if int(n) <= len(dst) {
			return dst[:n], true, nil
		}
		dst = make([]byte, n)
	}
}

func (e *lmdbEng) Get(key, dst []byte) ([]byte, bool, error) {
	r, err := e.acquire()
	if err != nil {
		return nil, false, err
	}
	v, ok, err := e.get(r, key, dst)
	e.release(r)
	return v, ok, err
}

func (e *lmdbEng) Put(k, v []byte) error {
	return lmErr(C.lm_put(e.l, cptr(k), C.size_t(len(k)), cptr(v), C.size_t(len(v)), 0))
}

func (e *lmdbEng) Delete(k []byte) error {
	return lmErr(C.lm_put(e.l, cptr(k), C.size_t(len(k)), nil, 0, 1))
}

func (e *lmdbEng) Write(b *Batch) error {
	return lmErr(C.lm_write(e.l, (*C.uchar)(unsafe.Pointer(unsafe.SliceData(b.Buf))), C.size_t(len(b.Buf))))
}

func (e *lmdbEng) DeleteRange(lo, hi []byte) error {
	return lmErr(C.lm_delete_range(e.l, cptr(lo), C.size_t(len(lo)), cptr(hi), C.size_t(len(hi))))
}

func (e *lmdbEng) Flush() error   { return lmErr(C.mdb_env_sync(e.l.env, 1)) }
func (e *lmdbEng) Compact() error { return nil }

func (e *lmdbEng) Close() error {
	for {
		select {
		case r := <-e.pool:
			r.free()
			continue
		default:
		}
		break
	}
	C.mdb_env_close(e.l.env)
	C.free(unsafe.Pointer(e.l))
	return nil
}

type lmdbCursor struct {
	e *lmdbEng
	r *lmdbRead
	o IterOptions
}

func (e *lmdbEng) NewIter(o IterOptions) (Iterator, error) {
	r, err := e.acquire()
	if err != nil {
		return nil, err
	}
	if err := lmErr(C.lm_cursor(e.l, r.t, &r.cur)); err != nil {
		return nil, err
	}
	return newChunkIter(&lmdbCursor{e: e, r: r, o: o}), nil
}

func (c *lmdbCursor) fill(mode int, key []byte, dir, max int, buf []byte) (n, need int, err error) {
	var cn C.int
	var cneed C.size_t
	rc := C.lm_iter(c.e.l, c.r.cur, C.int(mode), cptr(key), C.size_t(len(key)), C.int(dir), C.int(max),
		cptr(c.o.Lower), C.size_t(len(c.o.Lower)), cptr(c.o.Upper), C.size_t(len(c.o.Upper)),
		cptr(buf), C.size_t(len(buf)), &cn, &cneed)
	return int(cn), int(cneed), lmErr(rc)
}

func (c *lmdbCursor) close() error {
	C.mdb_txn_reset(c.r.t)
	c.e.release(c.r)
	return nil
}
