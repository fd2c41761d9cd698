// Package textenc is the text_encoding extension for the test collector: log bodies as text, one
// separator between two bodies. Only what the file exporter needs is here.
package textenc

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/plog"
)

var extensionType = component.MustNewType("text_encoding")

// Config has the keys of the stock extension.
type Config struct {
	Encoding              string `mapstructure:"encoding"`
	MarshalingSeparator   string `mapstructure:"marshaling_separator"`
	UnmarshalingSeparator string `mapstructure:"unmarshaling_separator"`
}

// NewFactory makes the factory that the collector registers.
func NewFactory() extension.Factory {
	return extension.NewFactory(extensionType, defaults, create, component.StabilityLevelBeta)
}

func defaults() component.Config {
	return &Config{Encoding: "utf8", MarshalingSeparator: "\n", UnmarshalingSeparator: "\n"}
}

func create(_ context.Context, _ extension.Settings, config component.Config) (extension.Extension, error) {
	return &encoding{separator: config.(*Config).MarshalingSeparator}, nil
}

type encoding struct {
	component.StartFunc
	component.ShutdownFunc
	separator string
}

// MarshalLogs joins the bodies of all records.
func (e *encoding) MarshalLogs(logs plog.Logs) ([]byte, error) {
	var text strings.Builder
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				if text.Len() > 0 {
					text.WriteString(e.separator)
				}
				text.WriteString(record.Body().AsString())
			}
		}
	}
	return []byte(text.String()), nil
}
