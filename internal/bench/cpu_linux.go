package bench

import (
	"bytes"
	"fmt"
	"os"
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
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name may hold spaces and brackets; what follows its last bracket does not.
	// utime and stime are fields 14 and 15, the name is field 2 (proc_pid_stat(5)).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, false
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * tick, err == nil
}

// peakMemory is the most physical memory that a running process has had, in bytes; 0
// when it cannot be told.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if size, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			var kibibytes int64
			if _, err := fmt.Sscanf(string(size), "%d kB", &kibibytes); err == nil {
				return kibibytes << 10
			}
		}
	}
	return 0
}
