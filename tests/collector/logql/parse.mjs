// Reads a JSON list of LogQL queries, prints for each the places that the grammar rejects, the
// label names it compares or groups by, and whether it is a metric query.
import { parser } from '@grafana/lezer-logql';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);

const answers = JSON.parse(Buffer.concat(chunks).toString()).map((query) => {
  const errors = [];
  const labels = new Set();
  let metric = false;
  parser.parse(query).iterate({
    enter(node) {
      if (node.type.isError) errors.push([node.from, query.slice(node.from, node.from + 40)]);
      if (node.name === 'Identifier') labels.add(query.slice(node.from, node.to));
      if (node.name === 'MetricExpr') metric = true;
    },
  });
  return { errors, labels: [...labels], metric };
});
process.stdout.write(JSON.stringify(answers));
