package webauthn_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// family is cases of one kind: the letters of their ids, and how many there are.
type family struct {
	prefix string
	count  int
}

// families are all cases of the lists. "Att-n" and "Asn-n" follow the FIDO Alliance's
// server tests of that number, P what must be accepted and F what must not; the
// others are ours.
func families() []family {
	return []family{
		{"Req-1 P", 4},
		{"Att-1 P", 1},
		{"Att-1 F", 15},
		{"Att-2 F", 17},
		{"Att-3 P", 1},
		{"Att-3 F", 19},
		{"Att-4 P", 12},
		{"Att-5 P", 5},
		{"Att-5 F", 14},
		{"Att-6 P", 1},
		{"Att-6 F", 3},
		{"Att-7 P", 2},
		{"Att-7 F", 1},
		{"Att-8 P", 1},
		{"Att-8 F", 2},
		{"Att-9 P", 4},
		{"Att-9 F", 4},
		{"Att-A P", 1},
		{"Att-A F", 3},
		{"Att-B P", 1},
		{"Att-B F", 7},
		{"GetReq-1 P", 2},
		{"Asn-1 P", 1},
		{"Asn-1 F", 21},
		{"Asn-2 F", 17},
		{"Asn-3 P", 7},
		{"Asn-3 F", 5},
		{"MDS P", 1},
		{"MDS F", 5},
		{"MDS2 F", 1},
		{"JS", 28},
		{"CD", 29},
		{"AD", 21},
		{"CK", 23},
		{"RS", 11},
		{"PK", 15},
		{"TP", 25},
		{"AK", 18},
		{"SN", 7},
		{"AP", 7},
		{"U2", 6},
		{"NO", 5},
		{"CP", 9},
		{"AA", 18},
		{"AS", 28},
		{"EX", 22},
		{"MD", 29},
		{"OP", 12},
	}
}

// id names the n-th case of a family, as "JS-06" or "Att-3 F-12".
func (f family) id(n int) string {
	if strings.Contains(f.prefix, " ") {
		return fmt.Sprintf("%s-%d", f.prefix, n)
	}
	return fmt.Sprintf("%s-%02d", f.prefix, n)
}

// proof says where cases of a family are proven, or why they are not.
type proof struct {
	prefix string
	which  string // "1-3 5", or "rest"
	test   string // directory and name, as "webauthn TestJSONCases"
	unsaid bool   // the test does not name the case
	why    string // instead of a test
}

// numbers reads which.
func (p *proof) numbers(t *testing.T) (list []int) {
	t.Helper()
	for _, part := range strings.Fields(p.which) {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, err := strconv.Atoi(first)
		if err != nil {
			t.Fatal(err)
		}
		to, err := strconv.Atoi(last)
		if err != nil {
			t.Fatal(err)
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	return list
}

// TestNegativeCases holds docs/negative-cases.md to the table: every case is proven
// by a test that is there and names it, or has a reason.
func TestNegativeCases(t *testing.T) {
	given := make(map[string]*proof)
	list := proofsOfCases()
	for i := range list {
		for _, n := range list[i].numbers(t) {
			id := family{prefix: list[i].prefix}.id(n)
			if given[id] != nil {
				t.Errorf("%s is given twice", id)
			}
			given[id] = &list[i]
		}
	}
	sources := make(map[string]string)
	var b strings.Builder
	b.WriteString(negativeHead)
	for _, f := range families() {
		for n := 1; n <= f.count; n++ {
			id := f.id(n)
			p := given[id]
			if p == nil {
				t.Errorf("nothing proves %s, and there is no reason", id)
				continue
			}
			delete(given, id)
			if p.test == "" {
				fmt.Fprintf(&b, "| %s | %s |\n", id, p.why)
				continue
			}
			p.exists(t, id, sources)
			fmt.Fprintf(&b, "| %s | `%s` |\n", id, strings.Replace(p.test, " ", ".", 1))
		}
	}
	for id := range given {
		t.Errorf("%s is no case", id)
	}
	sameFile(t, "../docs/negative-cases.md", b.String())
}

const negativeHead = `# Negative cases, and where they are proven

Generated from a table in package webauthn by its TestNegativeCases (` + "`-update`" + ` writes it), which fails when a test named here is gone
or no longer names the case. The cases are those that conformance tools and this project keep: Req, Att, GetReq, Asn and MDS follow
the FIDO Alliance's server tests of that number; JS is JSON and base64url, CD client data, AD authenticator data, CK the credential's
key, RS the state of a registration, PK packed, TP tpm, AK android-key, SN android-safetynet, AP apple, U2 fido-u2f, NO none, CP
compound, AA Apple App Attest, AS assertions, EX extensions, MD metadata, OP options. What a case is about stands in the test that
it names, as the name of a row.

| case | proof, or why there is none |
|---|---|
`

// exists demands that the test is there and, unless unsaid, that its file names the case.
func (p *proof) exists(t *testing.T, id string, sources map[string]string) {
	t.Helper()
	directory, name, _ := strings.Cut(p.test, " ")
	if sources[p.test] == "" {
		sources[p.test] = testSource(t, directory, name)
	}
	source := sources[p.test]
	if source == "" {
		t.Errorf("%s: there is no %s", id, p.test)
		return
	}
	short := id[strings.LastIndex(id, " ")+1:] // a row may serve Att-2 F-1 and Asn-2 F-1
	if named := regexp.MustCompile(`\b` + regexp.QuoteMeta(short) + `\b`).MatchString(source); !named && !p.unsaid {
		t.Errorf("%s: %s does not name it", id, p.test)
	}
}

// testSource returns the text of a test function with its comment, empty when there is none.
func testSource(t *testing.T, directory, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", directory, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "func "+name+"(") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != name {
				continue
			}
			begin := f.Pos()
			if f.Doc != nil {
				begin = f.Doc.Pos()
			}
			return string(text[set.Position(begin).Offset:set.Position(f.End()).Offset])
		}
	}
	return ""
}
