// Package accessibility lists what the tests of this program check of its pages
// for people who see, hear or move otherwise. The page /accessibility promises
// what stands here and nothing more; the tests that do the checking name their
// entry, and a test of this package fails for an entry that none of them names.
package accessibility

// Check is one thing that is checked; its words are common.accessibility.check.…
type Check string

const (
	Axe      Check = "axe"       // the rules of axe-core: WCAG 2.2 A and AA, and best practice
	Markup   Check = "markup"    // the rules of HTML, by the Nu checker
	Keyboard Check = "keyboard"  // a walk without a mouse, the focus always seen
	NoScript Check = "no_script" // the whole walk without JavaScript
	Narrow   Check = "narrow"    // a screen of 320 pixels
	Zoom     Check = "zoom"      // 200 %
	Colours  Check = "colours"   // light, dark, and those that the system forces
)

// Checks are all of them, as the page lists them.
var Checks = []Check{Axe, Markup, Keyboard, NoScript, Narrow, Zoom, Colours}
