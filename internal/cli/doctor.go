package cli

import (
	"errors"
	"fmt"
	"strings"

	"portique/internal/config"
	"portique/internal/server"
)

type configCmd struct{ JSON }

type settingJSON struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Source string `json:"source"` // default, environment, file
	File   string `json:"file,omitempty"`
	Note   string `json:"note,omitempty"`
}

func (c configCmd) Run(e *env) error {
	settings, err := config.Load(e.Environ)
	if err != nil {
		return err
	}
	if settings.SMTPURL != "" { // commands do without
		if err := server.CheckMail(settings); err != nil {
			return err
		}
	}
	if err := server.CheckLetters(settings); err != nil {
		return err
	}
	var values []settingJSON
	for _, s := range settings.Settings {
		v := settingJSON{Name: s.Name, Value: s.Value, Source: "environment", File: s.File, Note: s.Note}
		switch {
		case s.Default:
			v.Source = "default"
		case s.File != "":
			v.Source = "file"
		}
		values = append(values, v)
	}
	if c.JSON.JSON {
		return e.json(values)
	}
	for _, v := range values {
		line := v.Name + "=" + v.Value
		switch {
		case v.Source == "file":
			line += "  # from " + v.File
		case v.Source == "default" && v.Note != "":
			line += "  # default: " + v.Note
		case v.Source == "default":
			line += "  # default"
		}
		if _, err := fmt.Fprintln(e.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

type doctorCmd struct{ JSON }

type checkJSON struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warning, failed
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

func (c doctorCmd) Run(e *env) error {
	var checks []server.Check
	settings, err := config.Load(e.Environ)
	if err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			checks = append(checks, server.Check{Name: "configuration", Health: server.Failed, Detail: line, Mend: "mend the variable; the other checks follow"})
		}
	} else {
		checks = server.Diagnose(e.ctx, settings)
	}
	failed := false
	values := make([]checkJSON, len(checks))
	for i, check := range checks {
		failed = failed || check.Health == server.Failed
		values[i] = checkJSON{Check: check.Name, Status: string(check.Health), Detail: check.Detail, Mend: check.Mend}
	}
	if c.JSON.JSON {
		err = e.json(values)
	} else {
		for _, v := range values {
			line := fmt.Sprintf("%-8s %s: %s", v.Status, v.Check, v.Detail)
			if v.Mend != "" {
				line += " → " + v.Mend
			}
			_, err = fmt.Fprintln(e.Stdout, line)
		}
	}
	if failed {
		return errors.Join(err, errTold)
	}
	return err
}
