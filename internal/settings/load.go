package settings

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

const (
	envPrefix  = "KEYTURN_"
	testPrefix = "KEYTURN_TEST_" // for our own tests; never a setting
)

// SourceDefault is the source of a value that nobody gave.
const SourceDefault = "default"

// Sources is where settings come from, weakest first.
type Sources struct {
	FileName    string            // for messages
	File        []byte            // YAML; empty for none
	Environment []string          // NAME=value, as of os.Environ
	Flags       map[string]string // by flag name, only those given
}

// Value is one setting as it holds, for printing.
type Value struct {
	Setting
	Text   string // masked when the setting is a secret; "" when not set
	Source string // file name, variable, flag, or SourceDefault
}

// given is one value as a source has it.
type given struct {
	values []string
	source string
}

// Load reads the sources, completes what they leave out and checks everything. The
// error is Faults, all of them. Values are in the order of the table and are there
// even when there are faults.
func Load(from Sources) (Settings, []Value, error) {
	rows := table()
	known, faults := collect(rows, from)

	var s Settings
	for _, row := range rows {
		if g, ok := known[row.Name]; ok {
			if err := row.parse(&s, g.values); err != nil {
				faults = append(faults, Fault{Setting: row.Name, Source: g.source, Sentence: err.Error()})
			}
		}
	}
	faults = append(faults, unknownVariables(rows, s, from.Environment)...)
	s.listenAtHome(known)

	s, err := s.Complete()
	if more, ok := err.(Faults); ok {
		faults = append(faults, sourced(more, known, faults)...)
	}
	return s, valuesOf(rows, s, known), faults.err()
}

// listenAtHome decides where to listen and under which name when nobody said so:
// on this machine alone. It is no default of Settings, for an embedded handler
// listens nowhere and must be told its address.
func (s *Settings) listenAtHome(known map[string]given) {
	if _, ok := known["listen"]; !ok {
		s.Listen = "127.0.0.1:8080"
	}
	if _, ok := known["public_url"]; ok {
		return
	}
	s.PublicURL = "http://localhost:8080"
	if checkListen(s.Listen) != nil {
		return
	}
	switch _, port, _ := net.SplitHostPort(s.Listen); port {
	case "80":
		s.PublicURL = "http://localhost"
	default:
		s.PublicURL = "http://localhost:" + port
	}
}

// collect gathers what each source says of known settings, the strongest last.
func collect(rows []Setting, from Sources) (map[string]given, Faults) {
	known, faults := fromFile(rows, from.FileName, from.File)
	set := func(row Setting, source, value string) {
		if value == "" {
			faults = append(faults, Fault{Setting: row.Name, Source: source, Sentence: "is empty; give it a value, or leave it out"})
			return
		}
		known[row.Name] = given{split(row, value), source}
	}
	environment := make(map[string]string)
	for _, pair := range from.Environment {
		name, value, _ := strings.Cut(pair, "=")
		environment[name] = value
	}
	for _, row := range rows {
		if value, ok := environment[row.Environment()]; ok {
			set(row, row.Environment(), value)
		}
	}
	for _, row := range rows {
		if value, ok := from.Flags[row.Flag()]; ok && !row.Secret {
			set(row, "--"+row.Flag(), value)
			if row.masked != nil && row.masked(value) != value {
				faults = append(faults, Fault{Setting: row.Name, Source: "--" + row.Flag(), Sentence: fmt.Sprintf(
					"holds a password, which every user of this machine could read; write it into the file of settings or %s", row.Environment())})
			}
		}
	}
	return known, faults
}

// unknownVariables finds misspelled variables. The one that holds the server key is
// no setting but named by one.
func unknownVariables(rows []Setting, s Settings, environment []string) Faults {
	var names []string
	for _, row := range rows {
		names = append(names, row.Environment())
	}
	var faults Faults
	for _, pair := range environment {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, testPrefix) ||
			slices.Contains(names, name) || s.KeysServer == "env:"+name {
			continue
		}
		faults = append(faults, Fault{Sentence: fmt.Sprintf("%s is no setting; %s", name, suggestion(name, names))})
	}
	return faults
}

// sourced says where each faulty value came from, and drops what was reported of the
// same value when it was read.
func sourced(faults Faults, known map[string]given, already Faults) Faults {
	var kept Faults
	for _, fault := range faults {
		if already.names(fault.Setting) {
			continue
		}
		fault.Source = known[fault.Setting].source
		kept = append(kept, fault)
	}
	return kept
}

func valuesOf(rows []Setting, s Settings, known map[string]given) []Value {
	values := make([]Value, len(rows))
	for i, row := range rows {
		values[i] = Value{Setting: row, Text: row.show(s), Source: SourceDefault}
		if g, ok := known[row.Name]; ok {
			values[i].Source = g.source
		}
		switch {
		case values[i].Text == "":
		case row.masked != nil:
			values[i].Text = row.masked(values[i].Text)
		case row.Secret:
			values[i].Text = hidden
		}
	}
	return values
}
