/** A real browser at the web page: what the page may do, and what another page on the same machine may not. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { TestWorld } from './support/world.ts'

/** Where Debian and its like put it. */
const BROWSER = '/usr/bin/chromium'

const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** Calls the node from a page, as the page of the UI does. What came of it: a status, or that the browser forbade it. */
const callFrom = (page: Page, url: string, token: string): Promise<string> =>
  page.evaluate(
    async ([target, secret]) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` }
      const answer = await fetch(target!, { method: 'POST', headers, body: '{}' }).catch(() => undefined)
      return answer ? `${answer.status} ${await answer.text()}` : 'forbidden'
    },
    [url, token],
  )

const foreignPage = async (): Promise<{ server: Server; url: string }> => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<!doctype html><title>another page</title>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://localhost:${(server.address() as AddressInfo).port}/` }
}

test('the page calls with its token; another page does not, not even with it, nor does it get the page into a frame', async (context) => {
  if (!existsSync(BROWSER)) context.skip(`needs ${BROWSER}`)
  await using world = await TestWorld.create()
  const a = world.node('a')
  await a.up('--web')
  const [address = '', token = ''] = (await a.ok('web')).split('#token=')
  const call = `${address}rpc/lattice.v1.NodeService/GetSettings`
  const browser = await openBrowser()
  const other = await foreignPage()
  try {
    const page = await browser.newPage()
    await page.goto(`${address}#token=${token}`)
    expect(await callFrom(page, call, token)).toMatch(/^200 .*"deviceName":"a"/)
    expect(await callFrom(page, call, 'x')).toMatch(/^401 /)
    // The policy of the page: no call to elsewhere, no script that is not one of its files.
    expect(await callFrom(page, other.url, token)).toBe('forbidden')
    const ran = await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'globalThis.wasRun = true'
      document.body.append(script)
      Reflect.has(globalThis, 'wasRun')
    }`)
    expect(ran).toBe(false)
    expect(await page.context().cookies()).toEqual([])

    await page.goto(other.url)
    expect(await callFrom(page, call, token)).toBe('forbidden')
    const framed = page.waitForEvent('requestfailed', (request) => request.url() === address)
    await page.evaluate(`{
      const frame = document.createElement('iframe')
      frame.src = ${JSON.stringify(address)}
      document.body.append(frame)
    }`)
    expect((await framed).failure()?.errorText).toMatch(/BLOCKED/)
  } finally {
    await browser.close()
    other.server.close()
  }
})
