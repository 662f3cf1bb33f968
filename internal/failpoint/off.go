//go:build !failpoints

package failpoint

// Hit marks an instant; it does nothing in this build.
func Hit(string) {}
