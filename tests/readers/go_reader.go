// Bodies as Go reads them: a question per line in, an answer per line out, both JSON.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"reflect"
	"sort"
)

type question struct {
	ContentType string   `json:"content_type"`
	Names       []string `json:"names"`
	Body        []byte   `json:"body"`
}

// A program that decodes into a struct takes a key in any case; one that decodes into a map does not.
func readJSON(body []byte, names []string) (map[string]any, error) {
	var tree map[string]any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, err
	}
	if tree == nil {
		return nil, errors.New("not an object")
	}
	var fields []reflect.StructField
	for index, name := range names {
		tag := reflect.StructTag(fmt.Sprintf("json:%q", name))
		field := reflect.StructField{Name: fmt.Sprintf("Field%d", index), Tag: tag}
		field.Type = reflect.TypeFor[json.RawMessage]()
		fields = append(fields, field)
	}
	object := reflect.New(reflect.StructOf(fields))
	if err := json.Unmarshal(body, object.Interface()); err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(tree))
	for key := range tree {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	values := [][]any{}
	for index, name := range names {
		raw := object.Elem().Field(index).Interface().(json.RawMessage)
		if raw != nil {
			values = append(values, []any{name, raw})
		}
	}
	return map[string]any{"keys": keys, "values": values}, nil
}

func readForm(body []byte, contentType string) (map[string]any, error) {
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	fields := [][]string{}
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return map[string]any{"fields": fields}, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FileName() == "" {
			fields = append(fields, []string{part.FormName(), string(content)})
		}
	}
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		var answer map[string]any
		if asked.Names != nil {
			answer, err = readJSON(asked.Body, asked.Names)
		} else {
			answer, err = readForm(asked.Body, asked.ContentType)
		}
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		if err := json.NewEncoder(output).Encode(answer); err != nil {
			panic(err)
		}
	}
}
