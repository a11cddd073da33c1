// How Allure 3 renders the results of a run: `make report`. Found by its name; no other Allure file is needed.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const results = ".trueup/allure-results";
const output = ".trueup/allure-report";
const categories = `${results}/categories.json`;

// Allure 3 puts Google Analytics into every report and has no switch for it (allure-framework/allure3#476).
// What is wrong with a node is nobody else's business, and not even that somebody looked.
process.on("exit", () => {
  const files = existsSync(output) ? readdirSync(output, { recursive: true }) : [];
  for (const page of files.filter((name) => name.endsWith("index.html")).map((name) => `${output}/${name}`)) {
    const html = readFileSync(page, "utf8")
      .replace(/<script async src="[^"]*gtag[^"]*"><\/script>\s*<script>[^<]*gtag\([^<]*<\/script>/g, "");
    writeFileSync(page, html);
    if (/gtag\(|googletagmanager/.test(html)) {
      console.error(`${page} still calls Google Analytics: adapt allurerc.mjs to this version of Allure`);
      process.exitCode = 1;
    }
  }
});

export default {
  name: "trueup",
  resultsDir: results,
  output,
  // The run itself says what its outcomes mean, so that the words are written down only once.
  categories: existsSync(categories) ? JSON.parse(readFileSync(categories, "utf8")) : [],
  // About the machine that ran pytest rather than the nodes, and what epic and feature say already.
  hideLabels: ["thread", "framework", "language", "package", "parentSuite", "suite"],
  plugins: {
    awesome: {
      options: {
        groupBy: ["epic", "feature", "story"], // profile, subject, requirement; below that one result for each host
        singleFile: process.env.SINGLE === "1", // opens without a web server, to be sent around
        // Most of Allure's own charts compare runs, and would be empty here.
        charts: [
          { type: "successRateDistribution", title: "Subjects and their requirements" },
          { type: "testResultSeverities", title: "Results by severity" },
        ],
      },
    },
  },
  // No historyPath: a report shows one run, and nothing is kept between runs.
};
