//go:build !linux

package bench

import "time"

// threadTime is the time of the wall instead of the thread's CPU time, which is not to
// be had here: V comes out too large on a busy machine.
func threadTime() time.Duration { return time.Duration(time.Now().UnixNano()) }

// processTime cannot be told of a process that runs.
func processTime(int) (spent time.Duration, ok bool) { return 0, false }

func processMemory(int) (now, peak int64) { return 0, 0 }

// familyTime cannot be told either.
func familyTime(int) time.Duration { return 0 }
