//go:build hyperscan

// Package hyperscan is a scan for literals by Hyperscan or Vectorscan, to
// measure the redactor beside. It needs a C compiler and the library's headers,
// and is built with the tag hyperscan only.
package hyperscan

/*
#cgo pkg-config: libhs
#include <stdlib.h>
#include <hs.h>

static int count(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *context) {
	++*(unsigned long long *)context;
	return 0;
}

static hs_error_t scan(const hs_database_t *db, const char *text, unsigned int length, hs_scratch_t *scratch, unsigned long long *hits) {
	return hs_scan(db, text, length, 0, scratch, count, hits);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Database is the compiled patterns. One goroutine uses it at a time.
type Database struct {
	db      *C.hs_database_t
	scratch *C.hs_scratch_t
}

// Compile makes a database of patterns, each to be found as it is.
func Compile(patterns []string) (*Database, error) {
	if len(patterns) == 0 {
		return nil, errors.New("compile: there are no patterns")
	}
	n := len(patterns)
	size := C.size_t(n)
	texts := unsafe.Slice((**C.char)(C.malloc(size*C.size_t(unsafe.Sizeof((*C.char)(nil))))), n)
	flags := unsafe.Slice((*C.uint)(C.calloc(size, C.sizeof_uint)), n)
	ids := unsafe.Slice((*C.uint)(C.calloc(size, C.sizeof_uint)), n)
	lengths := unsafe.Slice((*C.size_t)(C.calloc(size, C.sizeof_size_t)), n)
	for i, p := range patterns {
		texts[i], ids[i], lengths[i] = C.CString(p), C.uint(i), C.size_t(len(p))
	}
	defer func() {
		for _, text := range texts {
			C.free(unsafe.Pointer(text))
		}
		for _, array := range []unsafe.Pointer{unsafe.Pointer(&texts[0]), unsafe.Pointer(&flags[0]), unsafe.Pointer(&ids[0]), unsafe.Pointer(&lengths[0])} {
			C.free(array)
		}
	}()
	d := &Database{}
	var why *C.hs_compile_error_t
	if C.hs_compile_lit_multi(&texts[0], &flags[0], &ids[0], &lengths[0], C.uint(n), C.HS_MODE_BLOCK, nil, &d.db, &why) != C.HS_SUCCESS {
		defer C.hs_free_compile_error(why)
		return nil, fmt.Errorf("compile %d patterns: %s", n, C.GoString(why.message))
	}
	if code := C.hs_alloc_scratch(d.db, &d.scratch); code != C.HS_SUCCESS {
		d.Close()
		return nil, fmt.Errorf("make scratch space: code %d", int(code))
	}
	return d, nil
}

// Scan returns how many occurrences of patterns text has.
func (d *Database) Scan(text []byte) (int, error) {
	if len(text) == 0 {
		return 0, nil
	}
	var hits C.ulonglong
	if code := C.scan(d.db, (*C.char)(unsafe.Pointer(&text[0])), C.uint(len(text)), d.scratch, &hits); code != C.HS_SUCCESS {
		return 0, fmt.Errorf("scan %d bytes: code %d", len(text), int(code))
	}
	return int(hits), nil
}

// Close gives back what C holds.
func (d *Database) Close() {
	C.hs_free_scratch(d.scratch)
	C.hs_free_database(d.db)
}
