package archtest

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// TestModule holds the rules against the module itself.
func TestModule(t *testing.T) {
	found, err := faults(os.DirFS("../.."), imports())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range found {
		t.Error(fault)
	}
}

// TestRules: each rule, broken alone in a small module, is reported.
func TestRules(t *testing.T) {
	const ours = "package p\nimport _ \"" + module
	sound := map[string]string{
		"keyturn.go":                    "package keyturn\nimport _ \"" + module + "/internal/store/sqlite\"",
		"internal/store/store.go":       "package store",
		"internal/store/sqlite/s.go":    ours + "/internal/store\"",
		"internal/session/s.go":         "package session\ntype K struct{}\nfunc (K) Resume() {}\nfunc f(k K) { k.Resume() }",
		"internal/token/t.go":           ours + "/internal/session\"\nfunc f(k interface{ Resume() }) { k.Resume() }",
		"internal/door/d.go":            "package door\nfunc (d D) init() {}\ntype D struct{}",
		"kit/kit.go":                    ours + "/internal/store/sqlite\"",
		"internal/token/testdata/x.go":  "package x\nfunc init() {}",
		"internal/token/token_test.go":  ours + "/internal/store/sqlite\"\nfunc init() {}",
		"node_modules/somebody/some.go": "package util",
	}
	table := func() []row {
		return []row{
			{pkg: ".", may: []string{anything}, why: "w"},
			{pkg: "internal/store", why: "w"},
			{pkg: "internal/store/sqlite", may: []string{"internal/store"}, why: "w"},
			{pkg: "internal/session", why: "w"},
			{pkg: "internal/token", may: []string{"internal/session"}, why: "w"},
			{pkg: "internal/door", may: []string{"internal/token"}, why: "w"},
			{pkg: "kit", may: []string{anything}, test: true, why: "w"},
		}
	}
	for _, c := range []struct {
		name, file, text string
		more             []row
		want             string
	}{
		{name: "sound"},
		{name: "import not allowed", file: "internal/door/x.go", text: ours + "/internal/store\"", want: "internal/door may not import internal/store"},
		{name: "the root imported", file: "internal/door/x.go", text: ours + "\"", want: "internal/door may not import ."},
		{name: "under a build tag", file: "internal/door/x.go", text: "//go:build plan9\n\n" + ours + "/internal/store\"", want: "may not import"},
		{name: "package not in the table", file: "internal/new/x.go", text: "package new1", want: "internal/new: not in the import table"},
		{name: "package of tests not in the table", file: "more/x_test.go", text: "package more", want: "more: not in the import table"},
		{name: "row without package", more: []row{{pkg: "gone", why: "w"}}, want: "gone: in the table, but not in the module"},
		{name: "row without reason", more: []row{{pkg: "internal/door"}}, want: "internal/door: its row has no reason"},
		{
			name: "test support in the product, by name", file: "cmd/load/main.go", text: "package main\nimport _ \"" + module + "/kit\"",
			more: []row{{pkg: "cmd/load", may: []string{"kit"}, why: "w"}},
		},
		{
			name: "backend outside the root", file: "cmd/keyturn/main.go", text: ours + "/internal/store/sqlite\"",
			more: []row{{pkg: "cmd/keyturn", may: []string{anything}, why: "w"}}, want: "only the root names a backend",
		},
		{
			name: "test support in the product", file: "cmd/keyturn/main.go", text: ours + "/kit\"",
			more: []row{{pkg: "cmd/keyturn", may: []string{anything}, why: "w"}}, want: "kit is support for tests",
		},
		{name: "vague folder", file: "internal/common/x.go", text: "package fine", more: []row{{pkg: "internal/common", why: "w"}}, want: "says nothing about its purpose"},
		{name: "vague name", file: "internal/fine/x.go", text: "package helpers", more: []row{{pkg: "internal/fine", why: "w"}}, want: "says nothing about its purpose"},
		{name: "init", file: "internal/door/x.go", text: "package door\nfunc init() {}", want: "init runs before"},
		{name: "cgo", file: "internal/door/x.go", text: "package door\nimport \"C\"", want: "cgo"},
		{name: "reserved method", file: "internal/door/x.go", text: "package door\nfunc f(k interface{ Resume() }) { k.Resume() }", want: "Resume is reserved to internal/token"},
		{name: "reserved method as a value", file: "internal/door/x.go", text: "package door\nfunc f(k interface{ Resume() }) func() { return k.Resume }", want: "Resume is reserved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, text := range sound {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if c.file != "" {
				files[c.file] = &fstest.MapFile{Data: []byte(c.text)}
			}
			found, err := faults(files, append(table(), c.more...))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.want == "" && len(found) > 0:
				t.Errorf("faults in a sound module: %q", found)
			case c.want != "" && (len(found) != 1 || !strings.Contains(found[0], c.want)):
				t.Errorf("got %q, want one with %q", found, c.want)
			}
		})
	}
}
