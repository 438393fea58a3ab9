package webauthn_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// Of the differential test: what the environment may set, and what it is otherwise.
const (
	envMutants     = "KEYTURN_DIFFERENTIAL_MUTANTS" // of each ceremony
	envSeed        = "KEYTURN_DIFFERENTIAL_SEED"
	defaultMutants = 4000
	defaultSeed    = 2026
)

// differ runs the same answers through our procedures and the library's, and sorts
// every difference into its class.
type differ struct {
	t       *testing.T
	classes []difference
	seen    map[string]int // by class
}

// TestDifferential puts right answers, each vector, and mutants of right answers
// through both procedures. A difference in verdict that no class of differences()
// is about is a failure, and so is a class that nothing falls into.
func TestDifferential(t *testing.T) {
	n, seed := fromEnvironment(t, envMutants, defaultMutants), fromEnvironment(t, envSeed, defaultSeed)
	t.Logf("%s=%d %s=%d", envMutants, n, envSeed, seed)
	d := &differ{t: t, classes: differences(), seen: make(map[string]int)}
	for _, v := range loadVectors(t) {
		d.vector(&v)
	}
	for i, m := range special() {
		for variant := range byte(8) {
			source := rand.NewChaCha8([32]byte{8: byte(i + 1), 9: variant})
			d.mutant(source, func(*rand.Rand) []webauthntest.Mutation { return m })
		}
	}
	for i := range n {
		source := rand.NewChaCha8([32]byte{0: byte(seed), 1: byte(seed >> 8), 4: byte(i), 5: byte(i >> 8), 6: byte(i >> 16)})
		d.mutant(source, mutations)
	}
	for _, c := range d.classes {
		t.Logf("%-24s %d", c.id, d.seen[c.id])
		if d.seen[c.id] == 0 {
			t.Errorf("class %s never occurs", c.id)
		}
	}
}

func fromEnvironment(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text, ok := os.LookupEnv(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// mutant makes the same mutations to a registration and an assertion. Everything
// follows from source.
func (d *differ) mutant(source *rand.ChaCha8, choose func(*rand.Rand) []webauthntest.Mutation) {
	d.t.Helper()
	r := rand.New(source)
	m := mutantModel(r)
	m.Random = source
	faults := choose(r)
	device := webauthntest.New(m)
	body, err := device.Create(creationOptions(d.t), page(), faults...)
	if err != nil {
		return // the fault is one that cannot be built
	}
	e := expectRegistration()
	e.Formats = everyFormat()
	e.Attestation.AllowUntrusted = true
	q := asked{challenge, rpID, e.Origins, e.TopOrigins, e.CrossOrigin, true}
	_, ours := register(body, e)
	d.judge(body, ours, q.register(body, e.Algorithms))

	device = webauthntest.New(m)
	if _, err := device.Create(creationOptions(d.t), page()); err != nil {
		d.t.Fatal(err)
	}
	k := device.Credentials()[0]
	if body, err = device.Get(requestOptions(d.t), page(), faults...); err != nil {
		return
	}
	ae := expectAssertion(webauthn.Credential{
		ID: k.ID, PublicKey: k.PublicKey, RPID: rpID, SignCount: k.SignCount, BackupEligible: m.BackupEligible, UserHandle: handle,
	})
	_, ours = authenticate(body, ae)
	d.judge(body, ours, q.authenticate(body, k.PublicKey))
}

// mutantModel is one of a few right authenticators.
func mutantModel(r *rand.Rand) webauthntest.Model {
	m := model()
	m.Algorithms = []int64{pick(r, webauthn.ES256, webauthn.ES256, webauthn.EdDSA, webauthn.ES384)}
	if r.IntN(3) == 0 {
		m.Attestation = "none"
	}
	if r.IntN(3) == 0 {
		m.BackupEligible, m.BackedUp, m.Counts = false, false, true
	}
	return m
}

func everyFormat() []string {
	return []string{"none", "packed", "fido-u2f", "tpm", "android-key", "android-safetynet", "apple", "compound"}
}

// vector runs a vector through both.
func (d *differ) vector(v *vector) {
	d.t.Helper()
	q := asked{v.Challenge, v.RPID, v.Origins, v.TopOrigins, v.AllowCrossOrigin, v.UserVerification == webauthn.VerificationRequired}
	switch v.Kind {
	case "registration":
		_, ours := v.register(d.t)
		d.judge(v.Credential, ours, q.register(v.Credential, v.PubKeyCredParams))
	case "authentication":
		_, ours := v.authenticate(d.t)
		d.judge(v.Credential, ours, q.authenticate(v.Credential, v.PublicKey))
	}
}

// judge compares two verdicts on an answer.
func (d *differ) judge(body []byte, ours, theirs error) {
	d.t.Helper()
	if (ours == nil) == (theirs == nil) {
		return
	}
	what := newDisagreement(body, ours, theirs)
	for _, c := range d.classes {
		if c.is(what) {
			d.seen[c.id]++
			return
		}
	}
	d.t.Errorf("no class for ours %v, theirs %s: %s", ours, describe(theirs), body)
}

// describe tells the library's error with all that it knows.
func describe(err error) string {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%s: %s: %s", e.Type, e.Details, e.DevInfo)
}

// asked is what both ceremonies of the library want to know.
type asked struct {
	challenge           []byte
	rpID                string
	origins, topOrigins []string
	framed, verify      bool
}

// register is the library's section 7.1.
func (a asked) register(body []byte, algorithms []int64) error {
	r, err := protocol.ParseCredentialCreationResponseBytes(body)
	if err != nil {
		return err
	}
	var offered []protocol.CredentialParameter
	for _, id := range algorithms {
		offered = append(offered, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(id),
		})
	}
	_, err = r.Verify(base64.RawURLEncoding.EncodeToString(a.challenge), a.rpID, a.origins, nil, a.topOrigins,
		protocol.TopOriginExplicitVerificationMode, a.framed, a.verify, true, nil, offered,
		protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	return err
}

// authenticate is the library's section 7.2.
func (a asked) authenticate(body, key []byte) error {
	r, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		return err
	}
	return r.Verify(base64.RawURLEncoding.EncodeToString(a.challenge), a.rpID, "", a.origins, nil, a.topOrigins,
		protocol.TopOriginExplicitVerificationMode, a.framed, a.verify, true, key, protocol.SignaturePolicy{})
}
