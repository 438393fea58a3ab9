package webauthn_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/webauthn"
)

var update = flag.Bool("update", false, "write the generated parts of docs")

// callers are the codes that stand in the tables and are returned by whoever calls
// this package, with the reason.
func callers() map[string]string {
	return map[string]string{
		webauthn.CodeReauthenticationRequired:       "the session is the caller's",
		webauthn.CodePolicyDenied:                   "the policy is the caller's",
		webauthn.CodeCeremonyAbandoned:              "no answer came",
		webauthn.CodeChallengeUnknown:               "challenges are the caller's",
		webauthn.CodeChallengeExpired:               "challenges are the caller's",
		webauthn.CodeChallengeConsumed:              "challenges are the caller's",
		webauthn.CodeBackupStateNotAllowed:          "the policy is the caller's",
		webauthn.CodeAttestationMetadataUnavailable: "metadata are the caller's",
		webauthn.CodeAttestationMetadataStale:       "metadata are the caller's",
		webauthn.CodeAuthenticatorStatusRejected:    "metadata are the caller's",
		webauthn.CodeAuthenticatorModelNotAllowed:   "metadata are the caller's",
		webauthn.CodeCredentialAlreadyRegistered:    "the store is the caller's",
		webauthn.CodeStorageUnavailable:             "the store is the caller's",
	}
}

// proofs names the test of each step and code.
func proofs() map[string][]string {
	out := make(map[string][]string)
	for _, c := range registrationCases() {
		k := c.step + " " + c.code
		out[k] = append(out[k], "TestRegistrationSteps/"+subtest(c.step, c.code, c.name))
	}
	for _, c := range assertionCases() {
		k := c.step + " " + c.code
		out[k] = append(out[k], "TestAssertionSteps/"+subtest(c.step, c.code, c.name))
	}
	out["7.1/24 "+webauthn.CodeAttestationUntrusted] = []string{"TestRegistrationUntrusted"}
	return out
}

// TestStepTables: the tables have the standard's number of steps in order, every
// step is done or says where, and every code is proven or a caller's.
func TestStepTables(t *testing.T) {
	proven := proofs()
	for section, steps := range map[string][]webauthn.Step{
		"7.1": webauthn.RegistrationSteps(), "7.2": webauthn.AssertionSteps(),
	} {
		if want := map[string]int{"7.1": 29, "7.2": 25}[section]; len(steps) != want {
			t.Errorf("section %s has %d steps here, want %d", section, len(steps), want)
		}
		for i, s := range steps {
			if want := fmt.Sprintf("%s/%d", section, i+1); s.Ref != want || s.Title == "" {
				t.Errorf("step %q %q, want %s", s.Ref, s.Title, want)
			}
			for _, code := range s.Codes {
				key := s.Ref + " " + code
				if _, callers := callers()[code]; !callers && len(proven[key]) == 0 {
					t.Errorf("no case proves %s", key)
				}
				delete(proven, key)
			}
		}
	}
	for key := range proven {
		t.Errorf("%s is proven and does not stand in the table", key)
	}
}

// TestSpecCoverage holds docs/spec-coverage.md to the tables.
func TestSpecCoverage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Coverage of Web Authentication Level 3

Generated from the tables of package webauthn by its TestSpecCoverage (` + "`-update`" + ` writes it). Every test named here is a subtest
made from the table of the same name, so it exists as long as the step stands here.

`)
	for _, part := range []struct {
		title string
		steps []webauthn.Step
	}{
		{"Section 7.1: registering a new credential", webauthn.RegistrationSteps()},
		{"Section 7.2: verifying an authentication assertion", webauthn.AssertionSteps()},
	} {
		b.WriteString("## " + part.title + "\n\n| step | what it asks | done by | codes and their proof |\n|---|---|---|---|\n")
		for _, s := range part.steps {
			b.WriteString(coverageRow(s))
		}
		b.WriteString("\n")
	}
	sameFile(t, "../docs/spec-coverage.md", strings.TrimSuffix(b.String(), "\n"))
}

func coverageRow(s webauthn.Step) string {
	by := "Verify"
	if s.Elsewhere != "" {
		by = s.Elsewhere
	}
	var codes []string
	for _, code := range s.Codes {
		tests := proofs()[s.Ref+" "+code]
		if len(tests) == 0 {
			codes = append(codes, "`"+code+"`: "+callers()[code])
			continue
		}
		codes = append(codes, "`"+code+"`: `"+strings.Join(tests, "`, `")+"`")
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", s.Ref, s.Title, by, strings.Join(codes, "<br>"))
}

// sameFile compares a file with what it should hold, or writes it.
func sameFile(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != want {
		t.Errorf("%s is not what the tables say (%v); run go test ./webauthn -update", path, err)
	}
}

// divergenceRows writes the lists of verdicts_test.go as docs/divergences.md has
// them.
func divergenceRows(list []verdict) string {
	var rows []string
	for _, v := range list {
		verdict := "accepted"
		if v.step != "" {
			verdict = v.step + " `" + v.code + "`"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", v.name, verdict, v.why))
	}
	slices.Sort(rows)
	return "| vector | our verdict | why |\n|---|---|---|\n" + strings.Join(rows, "")
}

// TestDivergences holds the generated part of docs/divergences.md to the lists.
func TestDivergences(t *testing.T) {
	const path, begin = "../docs/divergences.md", "<!-- generated from here on -->\n"
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(have), begin)
	if !found {
		t.Fatalf("%s has no mark", path)
	}
	sameFile(t, path, head+begin+
		"\n## Where the library's own procedures decide differently\n\n"+
		"The test TestDifferential runs the same answers, right ones, vectors and mutants, through both. Every difference falls into "+
		"one of these classes, and\neach of them occurs. The library means its procedures of package `protocol`; what its users get "+
		"above them is named where it matters.\n\n"+differenceRows()+
		"\n## Vectors that must be accepted and are not\n\n"+divergenceRows(diverging())+
		"\n## Vectors on which either verdict would do\n\n"+divergenceRows(undecided()))
}
