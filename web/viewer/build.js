// Bundles the viewer and writes it, with the notices of the packages in it, into the Python package.
//   npm ci && npm run build

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, '..', '..', 'src', 'pulposus', 'report', 'assets');

// A test of the Python package computes the same digest: a bundle that is older than its sources is found.
const digest = createHash('sha256');
const sources = readdirSync(join(here, 'src')).sort().map((name) => join('src', name));
for (const name of [...sources, 'package-lock.json']) digest.update(readFileSync(join(here, name)));

const result = await build({
  entryPoints: [join(here, 'src', 'main.js')],
  outfile: join(assets, 'viewer.js'),
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2020'],
  charset: 'ascii',
  legalComments: 'none',
  define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
  banner: {
    js: `/* pulposus viewer, Apache-2.0; bundled packages and their licences: viewer.LICENSE.txt; sources sha256 ${digest.digest('hex')} */`,
  },
  metafile: true,
});

const packages = new Set();
for (const [input, { bytesInOutput }] of Object.entries(Object.values(result.metafile.outputs)[0].inputs)) {
  const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found && bytesInOutput > 0) packages.add(found[1]);
}

const notices = [...packages].sort().map((name) => {
  const folder = join(here, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)/i.test(one));
  const text = file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${license}`;
  return `${name} ${version} (${license})\n\n${text}\n`;
});
writeFileSync(join(assets, 'viewer.LICENSE.txt'), `Packages bundled in viewer.js\n\n${notices.join(`\n${'-'.repeat(78)}\n\n`)}`);
console.log(`viewer.js: ${(Object.values(result.metafile.outputs)[0].bytes / 1024).toFixed(0)} kB; ${[...packages].sort().join(', ')}`);
