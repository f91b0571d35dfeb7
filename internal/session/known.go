package session

import (
	"encoding/base64"
	"strings"
	"time"
)

// KnownLife is how long a browser stays known after a sign-in: as long as
// browsers keep a cookie.
const KnownLife = 400 * 24 * time.Hour

// isToken says whether a cookie may be one of secret.Token.
func isToken(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == 32
}

// newDevice is what a letter tells of a sign-in in a browser that was not
// known.
func newDevice(at time.Time, userAgent, source string) map[string]string {
	data := map[string]string{"at": at.Format(time.RFC3339)}
	if d := deviceOf(userAgent); d != "" {
		data["device"] = d
	}
	if source != "" {
		data["address"] = source
	}
	return data
}

// Words of a User-Agent header, the more particular first: most browsers name
// their ancestors too.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems = [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

// deviceOf names a browser and its system as far as its User-Agent tells:
// "Firefox, Windows"; "" when it tells nothing we know. Never the header
// itself, which may say anything.
func deviceOf(userAgent string) string {
	var known []string
	for _, words := range [][][2]string{browsers, systems} {
		for _, w := range words {
			if strings.Contains(userAgent, w[0]) {
				known = append(known, w[1])
				break
			}
		}
	}
	return strings.Join(known, ", ")
}
