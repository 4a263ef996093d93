/** The grammar of the command line. What a command does is in `commands/`, loaded when it is called. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration, parseTime } from './format.ts'
import { readVersion } from '../version.ts'
import type { CommonOptions } from './context.ts'

const duration = (text: string): number => {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('Give a time such as 30s, 15m, 24h or 7d.')
  return ms
}

const instant = (text: string): number => {
  const ms = parseTime(text)
  if (ms === undefined) throw new InvalidArgumentError('Give a date or a time such as 2025-03-01 or 2025-03-01T14:30.')
  return ms
}

const count = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1 to 999999.')
  return Number(text)
}

const port = (text: string): number => {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('Give a port: 1 to 65535, or 0 for one that is free.')
  return Number(text)
}

const collect = (value: string, all: readonly string[] = []): readonly string[] => [...all, value]

/** Every command takes `--home` and `--json`, before its name or after. */
const common = (command: Command): Command =>
  command.option('--home <dir>', 'where the node keeps its data (or LATTICE_HOME)').option('--json', 'print JSON')

const all = <T extends CommonOptions>(command: Command): T => command.optsWithGlobals<T>()

const addFolderCommands = (program: Command): void => {
  const load = () => import('./commands/folder.ts')
  const folder = program.command('folder').description('the folders that sync on this device')
  common(
    folder.command('add <path>').description('start to sync a directory').option('--name <name>', 'what to call it'),
  ).action(async (path: string, _, command) => (await load()).addFolder(path, all(command)))
  common(folder.command('list').description('list the folders')).action(async (_, command) =>
    (await load()).listFolders(all(command)),
  )
  common(folder.command('remove <folder>').description('stop syncing a folder here; its files stay')).action(
    async (name: string, _, command) => (await load()).removeFolder(name, all(command)),
  )
  common(
    folder
      .command('keep <folder> [path]')
      .description('take up again what was removed here; PATH: where, else where it was before')
      .option('--timeout <time>', 'give up after this long if no device is reached; at most 30s, as without', duration),
  ).action(async (name: string, path: string | undefined, _, command) =>
    (await load()).keepFolder(name, path, all(command)),
  )
  common(folder.command('pause <folder>').description('neither send nor take changes until resumed')).action(
    async (name: string, _, command) => (await load()).pauseFolder(name, all(command)),
  )
  common(folder.command('resume <folder>').description('sync a paused folder again')).action(
    async (name: string, _, command) => (await load()).resumeFolder(name, all(command)),
  )
  common(folder.command('rescan <folder>').description('compare every file with the index')).action(
    async (name: string, _, command) => (await load()).rescanFolder(name, all(command)),
  )
  common(
    folder
      .command('wait <folder>')
      .description('return once the folder and all connected peers are level')
      .option('--timeout <time>', 'give up after this long, e.g. 30 or 5m', duration),
  ).action(async (name: string, _, command) => (await load()).waitFolder(name, all(command)))
}

const ROLES = ['reader', 'writer', 'admin'] as const

const addSharingCommands = (program: Command): void => {
  const load = () => import('./commands/sharing.ts')
  common(
    program
      .command('invite <folder>')
      .description('print a link that lets one more device join a folder, or (“space”) all of them')
      .addOption(new Option('--role <role>', 'what the guest may do').choices(ROLES).default('writer'))
      .option('--expires <time>', 'how long the link works, e.g. 30m, 24h, 7d', duration)
      .option('--uses <n>', 'how many devices it admits', count)
      .option('--approve', 'ask here before it admits a device (see `joins`)'),
  ).action(async (target: string, _, command) => (await load()).invite(target, all(command)))
  const invites = common(program.command('invites').description('list the links that were made'))
  invites.action(async (_, command) => (await load()).listInvites(all(command)))
  common(invites.command('revoke <id>').description('make a link worthless')).action(async (id: string, _, command) =>
    (await load()).revokeInvite(id, all(command)),
  )
  common(
    program
      .command('join <link> [path]')
      .description('follow a link; PATH is where the shared folder goes')
      .option('--confirm', 'join only after “y” on standard input: both screens show the same words'),
  ).action(async (link: string, path: string | undefined, _, command) => (await load()).join(link, path, all(command)))
  const joins = common(program.command('joins').description('list the devices that wait to be let in'))
  joins.action(async (_, command) => (await load()).listJoins(all(command)))
  common(joins.command('accept <id>').description('let a device in, if both screens show the same words')).action(
    async (id: string, _, command) => (await load()).answerJoin(id, true, all(command)),
  )
  common(joins.command('refuse <id>').description('send a device away')).action(async (id: string, _, command) =>
    (await load()).answerJoin(id, false, all(command)),
  )
  common(program.command('peers').description('list the devices this one shares with')).action(async (_, command) =>
    (await load()).listPeers(all(command)),
  )
  const peer = program.command('peer').description('change what is known of one device')
  common(peer.command('rename <peer> <name>').description('give a device another name')).action(
    async (id: string, name: string, _, command) => (await load()).renamePeer(id, name, all(command)),
  )
  common(
    peer
      .command('role <peer> <target>')
      .description('change what a device may do in a folder, or (“space”) in all of them')
      .addArgument(new Argument('<role>', 'what it may do').choices(ROLES)),
  ).action(async (id: string, target: string, role: (typeof ROLES)[number], _, command) =>
    (await load()).setRole(id, target, role, all(command)),
  )
  common(peer.command('revoke <peer>').description('take a device’s rights away; what it wrote before stays')).action(
    async (id: string, _, command) => (await load()).revokePeer(id, all(command)),
  )
}

const addConflictCommands = (program: Command): void => {
  const load = () => import('./commands/conflict.ts')
  common(
    program
      .command('conflicts')
      .description('list files changed on two sides')
      .option('--folder <folder>', 'of one folder only')
      .option('--limit <n>', 'how many, at most (default: 100; with --json all)', count)
      .option('--after <next>', 'go on after a list that ended there'),
  ).action(async (_, command) => (await load()).listConflicts(all(command)))
  const conflict = program.command('conflict').description('compare the sides of a conflict, and settle it')
  common(
    conflict.command('show <id>').description('show a conflict, by its id or its path; of texts what differs'),
  ).action(async (id: string, _, command) => (await load()).showConflict(id, all(command)))
  common(
    conflict
      .command('resolve <id>')
      .description('settle a conflict, by its id or its path')
      .option('--take <head>', 'keep this side: a head’s hash, or its device')
      .option('--both', 'keep every side as a file of its own')
      .option('--merged <file>', 'replace all sides by the content of a file'),
  ).action(async (id: string, _, command) => (await load()).resolveConflict(id, all(command)))
  common(conflict.command('undo <token>').description('bring a settled conflict back, as `resolve` says')).action(
    async (token: string, _, command) => (await load()).undoResolution(token, all(command)),
  )
}

const addHistoryCommands = (program: Command): void => {
  const load = () => import('./commands/history.ts')
  common(program.command('history <path>').description('list the versions of a file')).action(
    async (path: string, _, command) => (await load()).listHistory(path, all(command)),
  )
  common(
    program
      .command('restore <path>')
      .description('bring back an earlier version of a file, or a whole directory as it was at a time')
      .requiredOption('--at <when>', 'a time (what there was at that moment) or a version’s hash')
      .option('--dry-run', 'only say what would be done'),
  ).action(async (path: string, _, command) => (await load()).restore(path, all(command)))
}

const addFileCommands = (program: Command): void => {
  const load = () => import('./commands/files.ts')
  common(
    program
      .command('ls <folder> [path]')
      .description('list a directory of a folder, with how each entry is')
      .option('--at <time>', 'as it was at this time', instant),
  ).action(async (folder: string, path: string | undefined, _, command) =>
    (await load()).listDirectory(folder, path, all(command)),
  )
  const trash = program.command('trash').description('what was deleted and can be brought back')
  common(
    trash
      .command('list <folder>')
      .description('list what was deleted, newest first')
      .option('--limit <n>', 'no more than this many', count),
  ).action(async (folder: string, _, command) => (await load()).listTrash(folder, all(command)))
  common(trash.command('restore <folder> <id...>').description('bring deleted files back, by their ids')).action(
    async (folder: string, ids: readonly string[], _, command) =>
      (await load()).restoreTrash(folder, ids, all(command)),
  )
  common(
    program
      .command('activity [folder]')
      .description('list what was changed, newest first')
      .option('--device <device>', 'by one device only')
      .option('--path <path>', 'this path of the folder and what is below it only')
      .option('--from <time>', 'from this time on', instant)
      .option('--to <time>', 'up to this time', instant)
      .option('--limit <n>', 'no more than this many', count),
  ).action(async (folder: string | undefined, _, command) => (await load()).listActivity(folder, all(command)))
}

const addStoreCommands = (program: Command): void => {
  const load = () => import('./commands/store.ts')
  const store = program.command('store').description('look at the stores underneath')
  common(store.command('list').description('list the stores')).action(async (_, command) =>
    (await load()).listStores(all(command)),
  )
  common(
    store
      .command('log <store>')
      .description('print the log of a store')
      .option('--author <peer>', 'of one device only')
      .option('--from <time>', 'from this time on', instant)
      .option('--to <time>', 'up to this time', instant)
      .option('--sexpr', 'print what each intention does as an S-expression'),
  ).action(async (name: string, _, command) => (await load()).readLog(name, all(command)))
  common(store.command('rebuild [store]').description('delete the state and fold the log again')).action(
    async (name: string | undefined, _, command) => (await load()).rebuildStores(name, all(command)),
  )
  common(store.command('branch <store> <key>').description('show where the heads of a key part')).action(
    async (name: string, key: string, _, command) => (await load()).inspectBranch(name, key, all(command)),
  )
}

const addSettingsCommands = (program: Command): void => {
  const load = () => import('./commands/settings.ts')
  const settings = common(program.command('settings').description('show or change the settings of this node'))
  settings.action(async (_, command) => (await load()).showSettings(all(command)))
  common(settings.command('show').description('show the settings')).action(async (_, command) =>
    (await load()).showSettings(all(command)),
  )
  common(settings.command('set <key> <value...>').description('change a setting, at once and for good')).action(
    async (key: string, values: readonly string[], _, command) =>
      (await load()).changeSetting(key, values, all(command)),
  )
}

const addInsightCommands = (program: Command): void => {
  const load = () => import('./commands/insight.ts')
  common(program.command('storage').description('what the node and its folders take of the disks')).action(
    async (_, command) => (await load()).showStorage(all(command)),
  )
  common(
    program
      .command('logs')
      .description('print what the node has logged since it started')
      .option('-f, --follow', 'go on with what comes')
      .addOption(new Option('--level <level>', 'this and worse').choices(['info', 'warning', 'error']).default('info')),
  ).action(async (_, command) => (await load()).showLogs(all(command)))
  common(
    program
      .command('diagnostics [file]')
      .description('write a report for those who help: no secrets, no names of files, folders or devices'),
  ).action(async (file: string | undefined, _, command) => (await load()).exportDiagnostics(file, all(command)))
  common(program.command('web').description('print the address of the web page, with its token')).action(
    async (_, command) => (await load()).printWebAddress(all(command)),
  )
}

export const createProgram = (): Command => {
  const program = common(new Command('lattice'))
    .description('Folders in sync between your devices and the people you invite.')
    .version(`lattice ${readVersion()}`, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          `lattice: ${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')}\n`,
        ),
    })
    .showSuggestionAfterError(true)
  common(
    program
      .command('up')
      .description('run the node in the foreground')
      .option('--listen <multiaddr>', 'listen here; may be repeated', collect)
      .option('--name <name>', 'what other devices call this one')
      .option('--no-mdns', 'do not look for peers on the local network')
      .option('--new-space', 'go on with a new space where the device’s own is damaged')
      .option('--web [port]', 'serve the web page to this machine', port),
  ).action(async (_, command) => (await import('../up.ts')).up(all(command)))
  common(program.command('status').description('how this node and its folders are')).action(async (_, command) =>
    (await import('./commands/status.ts')).showStatus(all(command)),
  )
  common(program.command('doctor').description('look for what could keep this node from working')).action(
    async (_, command) => (await import('./commands/status.ts')).diagnose(all(command)),
  )
  common(program.command('down').description('stop the node')).action(async (_, command) =>
    (await import('./commands/status.ts')).shutDown(all(command)),
  )
  addSettingsCommands(program)
  addInsightCommands(program)
  addFolderCommands(program)
  addSharingCommands(program)
  addConflictCommands(program)
  addHistoryCommands(program)
  addFileCommands(program)
  addStoreCommands(program)
  common(program.command('version').description('print the version')).action(async (_, command) =>
    (await import('./commands/version.ts')).printVersion(all(command)),
  )
  return program
}
