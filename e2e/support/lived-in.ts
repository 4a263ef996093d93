/**
 * A world as somebody lives in it: a laptop whose screens are looked at, a studio computer that shares its folders, and
 * a phone that is away. Text, a picture, a binary and a deletion stand in conflict; files are ignored, in trash, or on
 * their way. Every state is the real one, of real nodes.
 */
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Resvg } from '@resvg/resvg-js'
import { level, type TestNode, type TestWorld } from './world.ts'
import { writeTree, type Tree } from './trees.ts'
import { seededRandom } from './random.ts'

export interface LivedIn {
  readonly world: TestWorld
  readonly laptop: TestNode
  readonly studio: TestNode
  /** Store ids in hex, by name. */
  readonly folders: ReadonlyMap<string, string>
  /** Ids of conflicts, by path. */
  readonly conflicts: ReadonlyMap<string, string>
}

const list = (...lines: readonly string[]): string => `${lines.join('\n')}\n`

const packing = {
  base: list('# Packing', '', 'two canoes', 'one tent', 'rope, 20 m', 'stove', 'matches', '', 'Back by Sunday.'),
  laptop: list('# Packing', '', 'two canoes', 'two tents', 'rope, 30 m', 'stove', 'matches', '', 'Back by Sunday.'),
  studio: list('# Packing', '', 'two canoes, one kayak', 'one large tent', 'rope, 20 m', 'stove', 'lighter', '', 'Back on Monday.'),
} // prettier-ignore

/** A lake under a sun: two people like it at different heights and in different colours. */
const lake = (sky: string, sunY: number, extra = ''): Buffer =>
  new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="480" height="320">
    <rect width="480" height="320" fill="${sky}"/><circle cx="330" cy="${sunY}" r="44" fill="#ffd27a"/>
    <path d="M0 210 110 110l80 70 90-110 200 140v120H0Z" fill="#3d5a6c"/>
    <path d="M0 230h480v90H0Z" fill="#1f7a8c"/><path d="M60 262q180 22 360 0l-46 24H104Z" fill="#8a4b2a"/>${extra}
  </svg>`)
    .render()
    .asPng()

const notes: Tree = {
  'packing.md': packing.base,
  'tickets.odt': '\u0000\u0001 the tickets, as they were bought \u0000',
  'Journal/monday.md': list('Rain. We stayed in.'),
  'Journal/tuesday.md': list('Out on the water at six.'),
  'Journal/A day that was much longer than all the other days of that summer, and is told at length.md': list('Sun.'),
  '.latticeignore': list('# What needs not travel', '*.tmp', 'Drafts/'),
  'scan.tmp': 'half of a scan',
  'Drafts/first.md': 'not yet',
}

/** What each does while the other is not running: neither knows of it. Returns with both running and level. */
const quarrel = async (laptop: TestNode, studio: TestNode, here: string, there: string): Promise<void> => {
  await studio.stop()
  await writeFile(join(here, 'Notes', 'packing.md'), packing.base.replace('one tent', 'two tents'))
  await laptop.ok('folder', 'rescan', 'Notes')
  await writeFile(join(here, 'Notes', 'packing.md'), packing.laptop)
  await writeFile(join(here, 'Notes', 'tickets.odt'), '\u0000\u0001 the tickets, moved to Sunday \u0000')
  await writeFile(
    join(here, 'Photos', 'lake.png'),
    lake('#a9d3ea', 70, '<path d="M150 262V130l70 110Z" fill="#ffffff"/>'),
  )
  for (const folder of ['Notes', 'Photos']) await laptop.ok('folder', 'rescan', folder)
  await laptop.stop()
  await studio.up()
  await writeFile(join(there, 'Notes', 'packing.md'), packing.studio)
  await studio.ok('folder', 'rescan', 'Notes')
  await writeFile(join(there, 'Notes', 'tickets.odt'), '\u0000\u0001 the tickets, one more of them \u0000')
  await writeFile(join(there, 'Photos', 'lake.png'), lake('#f3b48f', 150))
  for (const folder of ['Notes', 'Photos']) await studio.ok('folder', 'rescan', folder)
  await laptop.up('--web')
  for (const folder of ['Notes', 'Photos']) await level(folder, laptop, studio)
}

/** A film that arrives slowly, a folder at rest, and one whose directory went away. */
const unrest = async (laptop: TestNode, here: string, there: string): Promise<void> => {
  await laptop.ok('settings', 'set', 'download-limit', '2kB')
  await laptop.ok('folder', 'pause', 'Music')
  const { below } = seededRandom(7)
  await writeFile(
    join(there, 'Photos', 'film of the crossing.mp4'),
    Uint8Array.from({ length: 6_000_000 }, () => below(256)),
  )
  await rm(join(here, 'Scans'), { recursive: true })
}

const share = async (from: TestNode, to: TestNode, folder: string, path: string): Promise<void> => {
  await to.ok('join', await from.ok('invite', folder), path)
}

/** A folder that was on this device and is on the other one alone now. */
const leave = async (other: TestNode, here: TestNode, folder: string, there: string, path: string): Promise<void> => {
  await mkdir(there)
  await other.ok('folder', 'add', there)
  await share(other, here, folder, path)
  await level(folder, other, here)
  await here.ok('folder', 'remove', folder)
}

export const liveIn = async (world: TestWorld): Promise<LivedIn> => {
  const [laptop, studio, phone] = [world.node('Laptop'), world.node('Studio'), world.node('Phone')]
  const [here, there] = [join(world.root, 'laptop'), join(world.root, 'studio')]
  await Promise.all([laptop.up(), studio.up(), phone.up()])
  await writeTree(join(here, 'Notes'), notes)
  for (const name of ['Photos', 'Music', 'Scans']) await mkdir(join(here, name))
  await writeFile(join(here, 'Photos', 'lake.png'), lake('#cfe6ef', 96))
  await writeFile(join(here, 'Photos', 'harbour.png'), lake('#dbe7c9', 60))
  await promisify(execFile)('mkfifo', [join(here, 'Photos', 'camera')])
  for (const name of ['Notes', 'Photos', 'Music', 'Scans']) await laptop.ok('folder', 'add', join(here, name))
  for (const name of ['Notes', 'Photos']) await share(laptop, studio, name, join(there, name))
  await share(laptop, phone, 'Photos', join(world.root, 'phone'))
  await level('Notes', laptop, studio)
  await level('Photos', laptop, phone)
  await leave(studio, laptop, 'Maps', join(there, 'Maps'), join(here, 'Maps'))
  await phone.stop()
  await rm(join(there, 'Notes', 'Journal', 'monday.md'))
  await level('Notes', laptop, studio)
  await quarrel(laptop, studio, here, there)
  await unrest(laptop, here, there)
  const { folders } = await laptop.json<{ folders: { name: string; storeId: string }[] }>('folder', 'list')
  const { conflicts } = await laptop.json<{ conflicts: { id: string; path: string }[] }>('conflicts')
  return {
    world,
    laptop,
    studio,
    folders: new Map(folders.map(({ name, storeId }) => [name, storeId])),
    conflicts: new Map(conflicts.map(({ id, path }) => [path, id])),
  }
}
