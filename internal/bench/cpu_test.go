package bench

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// ourselves is this process in the place of a server.
func ourselves(t *testing.T) *exec.Cmd {
	t.Helper()
	process, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Process: process}
}

// TestProcessTime: what this process burns shows in what the system says of it.
func TestProcessTime(t *testing.T) {
	before, ok := processTime(os.Getpid())
	if told := runtime.GOOS == "linux"; ok != told {
		t.Fatalf("told: %t, want %t", ok, told)
	}
	if !ok {
		return
	}
	if _, err := verification(); err != nil {
		t.Fatal(err)
	}
	after, _ := processTime(os.Getpid())
	if burnt := after - before; burnt < unitSample*9/10 || burnt > 10*time.Second {
		t.Errorf("%s of CPU time, want about %s", burnt, unitSample)
	}
	if peak := peakMemory(os.Getpid()); peak < 1<<20 || peak > 1<<40 {
		t.Errorf("peak memory %d bytes", peak)
	}
	// A process that is gone says nothing.
	if _, ok := processTime(1 << 30); ok || peakMemory(1<<30) != 0 {
		t.Error("figures of a process that is not there")
	}
}
