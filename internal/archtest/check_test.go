package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// source is a file of the module that is no test.
type source struct {
	name string // path in the module
	pkg  string // as in the table
	ast  *ast.File
}

// sources parses the module's files, and lists the packages that hold only tests.
func sources(root fs.FS) (files []source, testsOnly []string, err error) {
	tests := make(map[string]bool)
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := path.Base(name); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" || base == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		pkg := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") {
			tests[pkg] = true
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		files = append(files, source{name, pkg, parsed})
		return err
	})
	for _, file := range files {
		delete(tests, file.pkg)
	}
	for pkg := range tests {
		testsOnly = append(testsOnly, pkg)
	}
	slices.Sort(testsOnly)
	return files, testsOnly, err
}

// faults are all breaches of the rules, one sentence each.
func faults(root fs.FS, table []row) ([]string, error) {
	files, testsOnly, err := sources(root)
	if err != nil {
		return nil, err
	}
	c := &checker{rows: make(map[string]row), seen: make(map[string]bool)}
	for _, r := range table {
		c.rows[r.pkg] = r
		if r.why == "" {
			c.fault("%s: its row has no reason", r.pkg)
		}
	}
	for _, file := range files {
		c.file(file)
	}
	for _, pkg := range testsOnly {
		c.pkg(pkg, pkg)
	}
	for _, r := range table {
		if !c.seen[r.pkg] {
			c.fault("%s: in the table, but not in the module", r.pkg)
		}
	}
	return c.faults, nil
}

type checker struct {
	rows   map[string]row
	seen   map[string]bool
	faults []string
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

// pkg judges a package by its name and place, once.
func (c *checker) pkg(pkg, name string) {
	if c.seen[pkg] {
		return
	}
	c.seen[pkg] = true
	if _, ok := c.rows[pkg]; !ok {
		c.fault("%s: not in the import table", pkg)
	}
	if slices.Contains(vague(), path.Base(pkg)) || slices.Contains(vague(), name) {
		c.fault("%s: the name says nothing about its purpose", pkg)
	}
}

func (c *checker) file(file source) {
	c.pkg(file.pkg, file.ast.Name.Name)
	for _, spec := range file.ast.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			c.fault("%s: import %s", file.name, spec.Path.Value)
			continue
		}
		c.imported(file, imported)
	}
	c.functions(file)
}

func (c *checker) imported(file source, imported string) {
	if imported == "C" {
		c.fault("%s: cgo; the binary is built without it", file.name)
	}
	if imported != module && !strings.HasPrefix(imported, module+"/") {
		return
	}
	target := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
	if target == "" {
		target = "."
	}
	from := c.rows[file.pkg]
	if !slices.Contains(from.may, anything) && !slices.Contains(from.may, target) {
		c.fault("%s: %s may not import %s (%s)", file.name, file.pkg, target, from.why)
	}
	if slices.Contains(backends(), target) && file.pkg != "." && !from.test {
		c.fault("%s: only the root names a backend, not %s", file.name, file.pkg)
	}
	// The right to import anything is not meant for this: it must be said by name.
	if c.rows[target].test && !from.test && !slices.Contains(from.may, target) {
		c.fault("%s: %s is support for tests", file.name, target)
	}
}

// functions finds init functions and calls that are reserved to others.
func (c *checker) functions(file source) {
	ast.Inspect(file.ast, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				c.fault("%s: init runs before anybody decided that it should", file.name)
			}
		case *ast.SelectorExpr:
			for _, r := range reservations() {
				if n.Sel.Name == r.name && file.pkg != r.owner && file.pkg != r.only {
					c.fault("%s: %s is reserved to %s: %s", file.name, r.name, r.only, r.why)
				}
			}
		}
		return true
	})
}
