/**
 * Makes the PNG icons in `build/icons/` from the drawings in `assets/`: `app/SIZE.png`, and
 * `tray/STATE-PANEL-SIZE.png` with `@2x` beside it, where PANEL is the colour of the panel behind the icon.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { Resvg } from '@resvg/resvg-js'
import { fromRoot } from './lib/paths.mjs'

const appSizes = [16, 24, 32, 48, 64, 128, 256, 512]
/** The tray is 16 on macOS and Windows, 22 or 24 in the panels of Linux. */
const traySizes = [16, 22, 24]
const inkOn = { light: '#1b1f24', dark: '#f4f6f8' }

/** @param {string} svg @param {number} size in pixels */
const toPng = (svg, size) => new Resvg(svg, { fitTo: { mode: 'width', value: size } }).render().asPng()

/** @returns {number} how many were made */
export function buildIcons() {
  const write = (/** @type {string} */ name, /** @type {string} */ svg, /** @type {number} */ size) => {
    writeFileSync(fromRoot('build', 'icons', name), toPng(svg, size))
    made += 1
  }
  let made = 0
  for (const folder of ['app', 'tray']) mkdirSync(fromRoot('build', 'icons', folder), { recursive: true })
  const app = readFileSync(fromRoot('assets', 'app.svg'), 'utf8')
  for (const size of appSizes) write(`app/${size}.png`, app, size)
  for (const file of readdirSync(fromRoot('assets', 'tray'))) {
    const drawing = readFileSync(fromRoot('assets', 'tray', file), 'utf8')
    for (const [panel, ink] of Object.entries(inkOn))
      for (const size of traySizes) {
        const name = `tray/${file.replace(/\.svg$/, '')}-${panel}-${size}`
        write(`${name}.png`, drawing.replaceAll('currentColor', ink), size)
        write(`${name}@2x.png`, drawing.replaceAll('currentColor', ink), 2 * size)
      }
  }
  return made
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(`build-assets: ${buildIcons()} icons`)
