package static

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// The operator's colour is a style sheet whose name says it all: theme-0a4d68.css.
// Nothing is configured here and every node answers for every colour.

var colorName = regexp.MustCompile(`^theme-([0-9a-f]{6})\.css$`)

// Theme returns the address of the style sheet of a colour written "#0A4D68",
// or "" for anything else: the pages then keep their own.
func Theme(color string) string {
	c, ok := parseColor(color)
	if !ok {
		return ""
	}
	name := fmt.Sprintf("theme-%02x%02x%02x.css", c[0], c[1], c[2])
	return newAsset(name, c.css()).url
}

func themeAsset(name string) (*asset, bool) {
	m := colorName.FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	c, ok := parseColor("#" + m[1])
	if !ok {
		return nil, false
	}
	return newAsset(name, c.css()), true
}

type color [3]uint8

func parseColor(s string) (color, bool) {
	var c color
	if len(s) != 7 || s[0] != '#' {
		return c, false
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return c, false
	}
	return color{uint8(n >> 16 & 0xff), uint8(n >> 8 & 0xff), uint8(n & 0xff)}, true
}

// Dark returns what a colour becomes in the dark scheme, and what is written on
// it; "" for anything that is no colour.
func Dark(color string) (brand, on string) {
	c, ok := parseColor(color)
	if !ok {
		return "", ""
	}
	dark, ink := c.dark()
	return dark.hex(), ink.hex()
}

func (c color) dark() (dark, on color) {
	dark = c
	for i := 1; dark.contrast(darkWash) < contrastDark && i <= 20; i++ {
		dark = c.mix(white, float64(i)/20)
	}
	return dark, dark.mix(black, .85)
}

var (
	white     = color{255, 255, 255}
	black     = color{}
	darkPaper = color{0x11, 0x18, 0x1f}
	darkWash  = color{0x19, 0x22, 0x2b}
)

// What the brand's colour must keep as text: 4.5 on its own wash, hence a
// little more on white.
const (
	contrastLight = 5.6
	contrastDark  = 6.5
)

// css gives the colour as it is where it can be read, darker or lighter where
// it could not.
func (c color) css() []byte {
	light := c
	for i := 1; light.contrast(white) < contrastLight && i <= 20; i++ {
		light = c.mix(black, float64(i)/20)
	}
	dark, on := c.dark()
	return fmt.Appendf(nil, ":root{--brand:%s;--on-brand:#fff;--brand-wash:%s}\n@media (prefers-color-scheme:dark){:root{--brand:%s;--on-brand:%s;--brand-wash:%s}}\n",
		light.hex(), light.mix(white, .92).hex(), dark.hex(), on.hex(), dark.mix(darkPaper, .86).hex())
}

func (c color) hex() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// mix moves c towards d by a share of the way.
func (c color) mix(d color, share float64) color {
	for i := range c {
		c[i] = uint8(math.Round(float64(c[i])*(1-share) + float64(d[i])*share))
	}
	return c
}

// contrast is the ratio of WCAG 2.2.
func (c color) contrast(d color) float64 {
	a, b := c.luminance(), d.luminance()
	return (max(a, b) + .05) / (min(a, b) + .05)
}

func (c color) luminance() float64 {
	var l float64
	for i, weight := range []float64{.2126, .7152, .0722} {
		v := float64(c[i]) / 255
		if v <= .04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}
