package webauthn

// Step is one numbered step of the standard's procedures.
type Step struct {
	Ref   string   // "7.1/9"
	Title string   // what it asks, in our words
	Codes []string // of the errors that it refuses with
	// Elsewhere says where the step is done and why not in Verify; empty when
	// Verify does it.
	Elsewhere string
}

// RegistrationSteps returns the 29 steps of section 7.1 in their order.
func RegistrationSteps() []Step {
	out := make([]Step, len(registrationTable))
	for i, s := range registrationTable {
		out[i] = s.Step.clone()
	}
	return out
}

// AssertionSteps returns the 25 steps of section 7.2 in their order.
func AssertionSteps() []Step {
	out := make([]Step, len(assertionTable))
	for i, s := range assertionTable {
		out[i] = s.Step.clone()
	}
	return out
}

func (s Step) clone() Step {
	s.Codes = append([]string(nil), s.Codes...)
	return s
}
