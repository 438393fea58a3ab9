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
	Mode     Mode    `json:"mode"`
	Workers  int     `json:"workers"`
	Accounts int     `json:"accounts"`
	Seconds  float64 `json:"seconds"`

	// VBefore and VAfter are the CPU time of one ECDSA P-256 verification, in
	// microseconds, before and after the load. V is their mean.
	VBefore float64 `json:"v_before_us"`
	VAfter  float64 `json:"v_after_us"`

	Registration Figures `json:"registration"`
	SignIn       Figures `json:"sign_in"`

	// PeakMemory is the most physical memory that the server has had, in bytes; 0
	// where the system does not tell it of a running process.
	PeakMemory int64 `json:"server_peak_memory,omitempty"`
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

	Errors     int    `json:"errors"`
	FirstError string `json:"first_error,omitempty"`
}

// Failed tells whether any ceremony failed.
func (r Report) Failed() bool { return r.Registration.Errors+r.SignIn.Errors > 0 }

// unit sets V and what is told in it.
func (r *Report) unit(before, after time.Duration) {
	r.VBefore, r.VAfter = microseconds(before), microseconds(after)
	v := (r.VBefore + r.VAfter) / 2
	r.Registration.CPUInV = r.Registration.CPU / v
	r.SignIn.CPUInV = r.SignIn.CPU / v
}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s mode, %d workers, %d accounts, %g s of signing in; durable database, events and request log on\n\n",
		r.Mode, r.Workers, r.Accounts, r.Seconds)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	// Neither a strings.Builder nor a tabwriter over it fails.
	_, _ = fmt.Fprint(table, "\tcount\tper second\tp50 ms\tp95 ms\tp99 ms\tserver CPU µs\tin V\terrors\t\n")
	row(table, "sign-in", r.SignIn)
	row(table, "registration", r.Registration)
	_ = table.Flush()
	fmt.Fprintf(&text, "\nV, the CPU time of one ECDSA P-256 verification: %.1f µs before, %.1f µs after\n", r.VBefore, r.VAfter)
	if r.PeakMemory > 0 {
		fmt.Fprintf(&text, "server memory at its peak: %.1f MiB\n", float64(r.PeakMemory)/(1<<20))
	}
	if r.SignIn.CPU == 0 {
		text.WriteString("this system tells no CPU time of a running process, or the run was too short for its clock\n")
	}
	for _, first := range []string{r.Registration.FirstError, r.SignIn.FirstError} {
		if first != "" {
			fmt.Fprintf(&text, "the first error: %s\n", first)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func row(w io.Writer, name string, f Figures) {
	_, _ = fmt.Fprintf(w, "%s\t%d\t%.0f\t%.1f\t%.1f\t%.1f\t%.0f\t%.2f\t%d\t\n",
		name, f.Count, f.PerSecond, f.P50, f.P95, f.P99, f.CPU, f.CPUInV, f.Errors)
}
