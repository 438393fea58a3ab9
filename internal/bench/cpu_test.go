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
	if now, peak := processMemory(os.Getpid()); now < 1<<20 || now > peak || peak > 1<<40 {
		t.Errorf("memory of %d bytes, at most %d", now, peak)
	}
	// What a child burns is the family's, while it runs and when it has ended.
	alone := familyTime(os.Getpid())
	child := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; read -r end")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = stdout.Read(make([]byte, 1)) // the loop has ended
	running := familyTime(os.Getpid())
	_ = stdin.Close()
	_ = child.Wait() // read fails at the end of its input
	if ended := familyTime(os.Getpid()); running <= alone || ended < running {
		t.Errorf("a family of %s, with a child %s, after it %s", alone, running, ended)
	}
	if familyTime(1<<30) != 0 {
		t.Error("the time of a family that is not there")
	}
	// A process that is gone says nothing.
	now, peak := processMemory(1 << 30)
	if _, ok := processTime(1 << 30); ok || now != 0 || peak != 0 {
		t.Error("figures of a process that is not there")
	}
}
