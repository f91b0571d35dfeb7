package web

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	list := []string{"Boulangerie des Écluses 552100554", "Librairie du Vieux-Port 732829320", "L’Œuf d’Or 404833048", "GARAGE ÉLAN 120027016"}
	for i := range 96 {
		list = append(list, fmt.Sprintf("Société %d", i))
	}
	for query, want := range map[string]struct {
		rows        []string
		page, pages int
	}{
		"":                               {list[:50], 1, 2},
		"?page=2":                        {list[50:], 2, 2},
		"?page=99":                       {list[50:], 2, 2},
		"?page=-1":                       {list[:50], 1, 2},
		"?page=x":                        {list[:50], 1, 2},
		"?q=ecluses":                     {list[:1], 1, 1},
		"?q=%C3%89CLUSES":                {list[:1], 1, 1},
		"?q=port+librairie":              {list[1:2], 1, 1}, // every word, in any order
		"?q=elan":                        {list[3:4], 1, 1},
		"?q=l%27":                        {list[2:3], 1, 1}, // either apostrophe
		"?q=552+100+554":                 {list[:1], 1, 1},
		"?q=552.100":                     {list[:1], 1, 1},
		"?q=%20%20":                      {list[:50], 1, 2},
		"?q=rien":                        {nil, 1, 1},
		"?q=soci%C3%A9t%C3%A9&page=2":    {list[54:], 2, 2},
		"?q=%ff%00":                      {list[:50], 1, 2},
		"?q=Soci%C3%A9t%C3%A9&q=port":    {list[4:54], 1, 2}, // the first counts
		"?q=%3Cscript%3Ealert%281%29%3C": {nil, 1, 1},
	} {
		v := &visit{r: httptest.NewRequest("GET", "/companies"+query, nil)}
		rows, f := find(v, "/companies", list, 50, func(s string) string { return s })
		if !slices.Equal(rows, want.rows) || f.Page != want.page || f.Pages != want.pages || !f.Shown {
			t.Errorf("%q: %d rows, %+v", query, len(rows), f)
		}
	}
	// Another site's page is shown the list, whatever it looks for.
	v := &visit{r: httptest.NewRequest("GET", "/companies?q=ecluses", nil)}
	v.r.Header.Set("Sec-Fetch-Site", "cross-site")
	if rows, f := find(v, "/companies", list, 50, func(s string) string { return s }); len(rows) != 50 || f.Query != "" {
		t.Errorf("from elsewhere: %d rows, %+v", len(rows), f)
	}
	// A list of one page has no field, and an old address no effect.
	v = &visit{r: httptest.NewRequest("GET", "/companies?q=rien&page=3", nil)}
	if rows, f := find(v, "/companies", list[:50], 50, func(s string) string { return s }); len(rows) != 50 || f.Shown || f.Query != "" || f.Page != 1 {
		t.Errorf("%d rows, %+v", len(rows), f)
	}
}
