package settings

import "strings"

// Fault is one thing wrong with the settings.
type Fault struct {
	Setting  string // its name; "" when no setting is known
	Source   string // where the value came from; "" when it was left out or set in code
	Sentence string // what is wrong, and what to do
}

func (f Fault) Error() string {
	switch {
	case f.Setting == "":
		return f.Sentence
	case f.Source == "" || f.Source == SourceDefault:
		return f.Setting + ": " + f.Sentence
	default:
		return f.Setting + " (" + f.Source + "): " + f.Sentence
	}
}

// Faults is everything wrong with the settings, in the order of the table.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// err is nil when there is no fault: a nil Faults in an error is not a nil error.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// names tells whether a setting is at fault.
func (f Faults) names(setting string) bool {
	for _, fault := range f {
		if fault.Setting == setting {
			return true
		}
	}
	return false
}
