package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run found.
type Report struct {
	Mode    Mode    `json:"mode"`
	Workers int     `json:"workers"`
	Seconds float64 `json:"seconds"`

	// VBefore and VAfter are the CPU time of one ECDSA P-256 verification, in
	// microseconds, before and after the load. V is their mean.
	VBefore float64 `json:"v_before_us"`
	VAfter  float64 `json:"v_after_us"`

	Stages []Stage `json:"stages"` // one, or one for each size of a store that grows

	// PeakMemory is the most physical memory that the server has had, in bytes; 0
	// where the system does not tell it of a running process.
	PeakMemory int64 `json:"server_peak_memory,omitempty"`
}

// Stage is what was found with so many accounts.
type Stage struct {
	Accounts     int     `json:"accounts"`
	Registration Figures `json:"registration"` // of those that the stage before had not
	SignIn       Figures `json:"sign_in"`
}

// Figures are those of one ceremony, options and finish together.
type Figures struct {
	Count     int     `json:"count"` // that succeeded
	PerSecond float64 `json:"per_second"`
	// P50, P95 and P99 are times between asking and being answered, in milliseconds,
	// without what the authenticator takes.
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	// CPU is the server's CPU time for one, in microseconds, and CPUInV the same in
	// units of V; 0 where the system does not tell it of a running process.
	CPU    float64 `json:"server_cpu_us,omitempty"`
	CPUInV float64 `json:"server_cpu_v,omitempty"`
	// EngineCPU is the same of the store's engine, in microseconds; 0 for unknown.
	EngineCPU float64 `json:"engine_cpu_us,omitempty"`

	Errors     int    `json:"errors"`
	FirstError string `json:"first_error,omitempty"`
}

// Failed tells whether any ceremony failed.
func (r Report) Failed() bool {
	for _, s := range r.Stages {
		if s.Registration.Errors+s.SignIn.Errors > 0 {
			return true
		}
	}
	return false
}

// Growth is how many times as long a sign-in takes with the most accounts as with the
// fewest, by the medians; 0 with one stage.
func (r Report) Growth() float64 {
	last := len(r.Stages) - 1
	if last < 1 {
		return 0
	}
	return r.Stages[last].SignIn.P50 / r.Stages[0].SignIn.P50
}

// unit sets V and what is told in it.
func (r *Report) unit(before, after time.Duration) {
	r.VBefore, r.VAfter = microseconds(before), microseconds(after)
	v := (r.VBefore + r.VAfter) / 2
	for i := range r.Stages {
		for _, f := range []*Figures{&r.Stages[i].Registration, &r.Stages[i].SignIn} {
			f.CPUInV = f.CPU / v
		}
	}
}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s mode, %d workers, %g s of signing in; durable store, events and request log on\n",
		r.Mode, r.Workers, r.Seconds)
	told := false
	for _, s := range r.Stages {
		fmt.Fprintf(&text, "\n%d accounts\n\n", s.Accounts)
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
		// Neither a strings.Builder nor a tabwriter over it fails.
		_, _ = fmt.Fprint(table, "\tcount\tper second\tp50 ms\tp95 ms\tp99 ms\tserver CPU µs\tin V\tengine CPU µs\terrors\t\n")
		row(table, "sign-in", s.SignIn)
		row(table, "registration", s.Registration)
		_ = table.Flush()
		for _, f := range []Figures{s.Registration, s.SignIn} {
			if f.FirstError != "" {
				fmt.Fprintf(&text, "the first error: %s\n", f.FirstError)
			}
		}
		told = told || s.SignIn.CPU > 0
	}
	if growth := r.Growth(); growth > 0 {
		fmt.Fprintf(&text, "\nwith the most accounts a sign-in takes %.2f times as long as with the fewest (p50)\n", growth)
	}
	fmt.Fprintf(&text, "\nV, the CPU time of one ECDSA P-256 verification: %.1f µs before, %.1f µs after\n", r.VBefore, r.VAfter)
	if r.PeakMemory > 0 {
		fmt.Fprintf(&text, "server memory at its peak: %.1f MiB\n", float64(r.PeakMemory)/(1<<20))
	}
	if !told {
		text.WriteString("this system tells no CPU time of a running process, or the run was too short for its clock\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func row(w io.Writer, name string, f Figures) {
	engine := "-"
	if f.EngineCPU > 0 {
		engine = fmt.Sprintf("%.0f", f.EngineCPU)
	}
	_, _ = fmt.Fprintf(w, "%s\t%d\t%.0f\t%.1f\t%.1f\t%.1f\t%.0f\t%.2f\t%s\t%d\t\n",
		name, f.Count, f.PerSecond, f.P50, f.P95, f.P99, f.CPU, f.CPUInV, engine, f.Errors)
}
