package oidc

import (
	"fmt"
	"testing"
	"time"
)

// Somebody with more addresses than are counted one by one does not spend the share of all the others.
func TestCrowdOfManyAddresses(t *testing.T) {
	c := &crowd{most: 600}
	now := time.Now()
	for i := range crowdsCounted + 20_000 {
		c.enter(fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff), now)
	}
	full := 0
	for i := range 250 {
		if c.full(fmt.Sprintf("192.0.2.%d", i), now) {
			full++
		}
	}
	if full > 0 {
		t.Errorf("%d of 250 other addresses wait", full)
	}
	if len(c.n) > crowdsCounted+crowdsShared {
		t.Errorf("%d counts", len(c.n))
	}
}
