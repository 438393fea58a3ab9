// Package archtest proves the shape of the module: which package may import which,
// and the few other rules that hold everywhere.
//
// It owns the import table, a reason on each row. It reads source alone, so a file
// under any build tag counts. It is tests only; nothing imports it.
package archtest
