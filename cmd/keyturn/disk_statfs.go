//go:build linux || darwin

package main

import "syscall"

// free tells how many bytes an ordinary process may still write where a folder is.
func free(folder string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
