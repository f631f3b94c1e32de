// Package docs holds the tests of what the project says of itself: that the
// documents link to files that exist, that docs/features.md names real tests,
// and that every public type has an example.
package docs
