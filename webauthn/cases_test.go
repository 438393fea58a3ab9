package webauthn_test

import (
	"testing"

	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// negative is a row of the negative cases that conformance tools and this project
// keep: an answer with a fault, and where it is refused. The identifiers (JS-06,
// Att-1 F-3, …) are explained where they stand: JS, CD, AD, CK, AS and EX are ours,
// Att-n and Asn-n follow the FIDO Alliance's server test suites of that number.
type negative struct {
	id     string
	faults []webauthntest.Mutation
	// reg and asn are the refusing steps of the two procedures; noRun where the
	// case says nothing about one; empty for a case that must be accepted.
	reg, asn string
	code     string
	setup    setup
}

// noRun marks the procedure that a case is not about.
const noRun = "-"

// setup changes what the answer comes from and what is expected of it.
type setup struct {
	model  func(*webauthntest.Model)
	client *webauthntest.Client
	reg    func(*webauthn.RegistrationExpectation)
	asn    func(*webauthn.AssertionExpectation)
}

// fault is the usual list of one.
func fault(m ...webauthntest.Mutation) []webauthntest.Mutation { return m }

// anonymous is a model whose answers nothing signs, so that a key may be anything.
func anonymous(m *webauthntest.Model) { m.Attestation = "none" }

// runCases runs each case on each procedure that it is about.
func runCases(t *testing.T, cases []negative) {
	t.Helper()
	for _, c := range cases {
		m, p := model(), page()
		if c.setup.model != nil {
			c.setup.model(&m)
		}
		if c.setup.client != nil {
			p = *c.setup.client
		}
		if c.reg != noRun {
			t.Run(c.id+"/registration", func(t *testing.T) {
				body, err := webauthntest.New(m).Create(creationOptions(t), p, c.faults...)
				if err != nil {
					t.Fatal(err)
				}
				e := expectRegistration()
				if c.setup.reg != nil {
					c.setup.reg(&e)
				}
				_, err = register(body, e)
				c.verdict(t, err, c.reg)
			})
		}
		if c.asn != noRun {
			t.Run(c.id+"/assertion", func(t *testing.T) {
				body, k := asserted(t, m, p, c.faults...)
				if m.Counts {
					k.SignCount--
				}
				e := expectAssertion(k)
				if c.setup.asn != nil {
					c.setup.asn(&e)
				}
				_, err := authenticate(body, e)
				c.verdict(t, err, c.asn)
			})
		}
	}
}

func (c *negative) verdict(t *testing.T, err error, step string) {
	t.Helper()
	if c.code == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	wantRefusal(t, err, step, c.code)
}
