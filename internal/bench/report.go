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
	Mode    Mode `json:"mode"`
	Workers int  `json:"workers"`
	// Seconds is how long people signed in, or SignIns how often, at each stage.
	Seconds float64 `json:"seconds,omitempty"`
	SignIns int     `json:"sign_ins,omitempty"`

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
	Filling      Filling `json:"filling,omitzero"`
	Registration Figures `json:"registration"` // of the others that the stage before had not
	SignIn       Figures `json:"sign_in"`
	// Growth is how many times as long a sign-in takes as at the first stage, by the
	// medians.
	Growth float64 `json:"growth"`
	// Memory is the physical memory that the server has when people have signed in, in
	// bytes; 0 for unknown.
	Memory int64 `json:"server_memory,omitempty"`
}

// Filling is how people were written into the store, beside the server.
type Filling struct {
	Count     int     `json:"count"`
	PerSecond float64 `json:"per_second"`
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
	// ReadUnits and WriteUnits are the capacity units that one consumes of the table, as a
	// DynamoDB-compatible server tells them; 0 for another store.
	ReadUnits  float64 `json:"read_units,omitempty"`
	WriteUnits float64 `json:"write_units,omitempty"`

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

// grown sets what follows from several stages.
func (r *Report) grown() {
	for i := range r.Stages {
		r.Stages[i].Growth = r.Stages[i].SignIn.P50 / r.Stages[0].SignIn.P50
	}
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
	much := fmt.Sprintf("%g s of signing in", r.Seconds)
	if r.SignIns > 0 {
		much = fmt.Sprintf("%d sign-ins", r.SignIns)
	}
	fmt.Fprintf(&text, "%s mode, %d workers, %s; durable store, events and request log on\n", r.Mode, r.Workers, much)
	told := false
	for i, s := range r.Stages {
		s.text(&text)
		if i > 0 {
			fmt.Fprintf(&text, "a sign-in takes %.2f times as long as with %d accounts (p50)\n", s.Growth, r.Stages[0].Accounts)
		}
		told = told || s.SignIn.CPU > 0
	}
	fmt.Fprintf(&text, "\nV, the CPU time of one ECDSA P-256 verification: %.1f µs before, %.1f µs after\n", r.VBefore, r.VAfter)
	if r.PeakMemory > 0 {
		fmt.Fprintf(&text, "server memory at its peak: %s\n", mebibytes(r.PeakMemory))
	}
	if !told {
		text.WriteString("this system tells no CPU time of a running process, or the run was too short for its clock\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// text writes what was found at one stage.
func (s Stage) text(text *strings.Builder) {
	fmt.Fprintf(text, "\n%d accounts\n\n", s.Accounts)
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', tabwriter.AlignRight)
	// Neither a strings.Builder nor a tabwriter over it fails.
	_, _ = fmt.Fprint(table, "\tcount\tper second\tp50 ms\tp95 ms\tp99 ms\tserver CPU µs\tin V\tengine CPU µs\terrors\t\n")
	row(table, "sign-in", s.SignIn)
	row(table, "registration", s.Registration)
	_ = table.Flush()
	for _, f := range []Figures{s.Registration, s.SignIn} {
		if f.FirstError != "" {
			fmt.Fprintf(text, "the first error: %s\n", f.FirstError)
		}
	}
	if s.Filling.Count > 0 {
		fmt.Fprintf(text, "written into the store before: %d accounts, %.0f per second\n", s.Filling.Count, s.Filling.PerSecond)
	}
	if f := s.SignIn; f.ReadUnits+f.WriteUnits > 0 {
		fmt.Fprintf(text, "capacity of the table that a sign-in consumes: %.1f read units, %.1f write units\n", f.ReadUnits, f.WriteUnits)
	}
	if s.Memory > 0 {
		fmt.Fprintf(text, "server memory: %s\n", mebibytes(s.Memory))
	}
}

func mebibytes(size int64) string { return fmt.Sprintf("%.1f MiB", float64(size)/(1<<20)) }

func row(w io.Writer, name string, f Figures) {
	engine := "-"
	if f.EngineCPU > 0 {
		engine = fmt.Sprintf("%.0f", f.EngineCPU)
	}
	_, _ = fmt.Fprintf(w, "%s\t%d\t%.0f\t%.1f\t%.1f\t%.1f\t%.0f\t%.2f\t%s\t%d\t\n",
		name, f.Count, f.PerSecond, f.P50, f.P95, f.P99, f.CPU, f.CPUInV, engine, f.Errors)
}
