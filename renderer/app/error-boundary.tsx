/** What is shown in place of a screen that failed: never a blank page. */
import { Component, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '../design/button.tsx'
import { Mark } from '../design/icons.tsx'
import css from './frame.module.css'

const FailedPage = ({ message }: { readonly message: string }) => {
  const { t } = useTranslation('app')
  return (
    <main className={css['alone']} role="alert">
      <Mark size={44} />
      <h1>{t('crash.title')}</h1>
      <p>{t('crash.text')}</p>
      <code className={css['cause']}>{message}</code>
      <Button kind="primary" onPress={() => location.reload()}>
        {t('crash.reload')}
      </Button>
    </main>
  )
}

type State = { readonly at: 'fine' } | { readonly at: 'failed'; readonly message: string }

interface Props {
  readonly children: ReactNode
  /** What failed is tried again when this changes: where the person went on to. */
  readonly resetKey?: string
}

export class ErrorBoundary extends Component<Props, State> {
  override state: State = { at: 'fine' }

  static getDerivedStateFromError(cause: unknown): State {
    return { at: 'failed', message: cause instanceof Error ? cause.message : String(cause) }
  }

  override componentDidUpdate({ resetKey }: Props): void {
    if (this.state.at === 'failed' && resetKey !== this.props.resetKey) this.setState({ at: 'fine' })
  }

  override render(): ReactNode {
    return this.state.at === 'fine' ? this.props.children : <FailedPage message={this.state.message} />
  }
}
