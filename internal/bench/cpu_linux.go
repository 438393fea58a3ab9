package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// tick is the unit of CPU time in /proc/PID/stat. USER_HZ is 100 on every platform
// that Go runs Linux programs on.
const tick = 10 * time.Millisecond

// threadTime is the CPU time of the calling thread; 0 when the kernel does not tell.
func threadTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// processTime is the CPU time of a running process, all its threads included. ok is
// false when it cannot be told.
func processTime(pid int) (spent time.Duration, ok bool) {
	stat, ok := statOf(pid)
	return stat.own, ok
}

// familyTime is the CPU time of a running process, of its running children, and of
// those that have ended; 0 when it cannot be told.
func familyTime(pid int) time.Duration {
	parent, ok := statOf(pid)
	if !ok {
		return 0
	}
	spent := parent.own + parent.ended
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	for _, path := range processes {
		child, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		// One that has just ended is among its parent's, next time.
		if stat, ok := statOf(child); ok && stat.parent == pid {
			spent += stat.own
		}
	}
	return spent
}

// stat is what the system says of a process.
type stat struct {
	parent     int
	own, ended time.Duration // CPU time, of the process and of its children that have ended
}

// statOf reads it; ok is false when it cannot be told (proc_pid_stat(5)).
func statOf(pid int) (s stat, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, false
	}
	// The name, field 2, may hold spaces and brackets; what follows its last bracket
	// does not. Then come the parent, field 4, and utime, stime, cutime and cstime,
	// fields 14 to 17.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return stat{}, false
	}
	var numbers [5]int64
	for i, field := range [...]int{1, 11, 12, 13, 14} {
		if numbers[i], err = strconv.ParseInt(string(fields[field]), 10, 64); err != nil {
			return stat{}, false
		}
	}
	return stat{
		parent: int(numbers[0]), own: time.Duration(numbers[1]+numbers[2]) * tick,
		ended: time.Duration(numbers[3]+numbers[4]) * tick,
	}, true
}

// processMemory is the physical memory that a running process has, and the most that it
// has had, in bytes; 0 when it cannot be told.
func processMemory(pid int) (now, peak int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	size := func(name string) int64 {
		for line := range bytes.Lines(status) {
			var kibibytes int64
			if _, err := fmt.Sscanf(string(line), name+": %d kB", &kibibytes); err == nil {
				return kibibytes << 10
			}
		}
		return 0
	}
	return size("VmRSS"), size("VmHWM")
}
