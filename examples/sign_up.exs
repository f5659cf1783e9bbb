# Sign-ups over one schemastamp that stays open: no new process, TLS handshake or login for each tenant.
#
#     DATABASE_URL=postgres://app@db/app SCHEMASTAMP_SNAPSHOT=snapshots/billing.sql elixir examples/sign_up.exs acme globex

defmodule SignUps do
  @moduledoc """
  Passes names to schemastamp and returns its answers. In an application, make it a child of the supervisor:

      children = [{SignUps, []}]
      SignUps.sign_up("acme")
      #=> %{"tenant" => "acme", "outcome" => "created", "ms" => 12.3}
  """
  use GenServer

  # The customer waits in front of a browser, so a tenant may take 10 seconds. For a pool, add --from-pool --refill 20.
  @arguments ~w(provision --from-file - --format json --timeout 10)

  def start_link(options), do: GenServer.start_link(__MODULE__, options, name: __MODULE__)

  @doc """
  Creates a tenant and returns the answer: its outcome is `created`, `failed` or `unknown`.

  `unknown` means that schemastamp ended without an answer: ask the database before you give the name away.
  """
  def sign_up(tenant) do
    if String.trim(tenant) == "" or not String.printable?(tenant) or tenant =~ ~r/[\r\n\x{feff}]/u or
         byte_size(tenant) > 200 do
      raise ArgumentError, "#{inspect(tenant)} is not a line with a name"
    end

    GenServer.call(__MODULE__, {:sign_up, tenant}, :infinity)
  end

  @impl true
  def init(options) do
    # A broken port and the supervisor's shutdown arrive as messages.
    Process.flag(:trap_exit, true)
    arguments = Keyword.get(options, :arguments, @arguments)
    # schemastamp connects now, so that the first name does not wait for a connection.
    {:ok, opened(%{arguments: arguments, port: nil, waiting: %{}, line: "", error: nil})}
  end

  @impl true
  def handle_call({:sign_up, tenant}, from, state) do
    state = opened(state)
    # A message to a closed port is lost. Then its exit message is on the way, and answers the request.
    send(state.port, {self(), {:command, [tenant, ?\n]}})
    {:noreply, update_in(state.waiting[tenant], &((&1 || []) ++ [from]))}
  end

  @impl true
  def handle_info({port, {:data, {:noeol, part}}}, %{port: port} = state) do
    {:noreply, %{state | line: state.line <> part}}
  end

  def handle_info({port, {:data, {:eol, part}}}, %{port: port} = state) do
    {:noreply, answered(%{state | line: ""}, JSONLine.decode(state.line <> part))}
  end

  def handle_info({port, {:exit_status, code}}, %{port: port} = state) do
    {:noreply, ended(state, "schemastamp ended with #{code}")}
  end

  def handle_info({:EXIT, port, reason}, %{port: port} = state) do
    {:noreply, ended(state, "schemastamp is gone: #{inspect(reason)}")}
  end

  # A message of a port that was replaced.
  def handle_info(_message, state), do: {:noreply, state}

  # A port cannot be half closed, so wait until schemastamp has answered all requests. The supervisor allows five seconds
  # for this, unless the child's `shutdown` says otherwise.
  @impl true
  def terminate(_reason, %{waiting: waiting} = state) when waiting != %{} do
    receive do
      message ->
        {:noreply, state} = handle_info(message, state)
        terminate(:shutdown, state)
    end
  end

  def terminate(_reason, %{port: nil}), do: :ok
  def terminate(_reason, %{port: port}), do: send(port, {self(), :close})

  defp opened(%{port: nil} = state) do
    program = System.find_executable("schemastamp") || raise "schemastamp is not in PATH"
    # It inherits stderr, so its messages go into the service's log.
    port = Port.open({:spawn_executable, program}, [:binary, :exit_status, line: 65_536, args: state.arguments])
    %{state | port: port, line: "", error: nil}
  end

  defp opened(state), do: state

  defp answered(state, %{"tenant" => tenant} = answer) do
    {[from | others], waiting} = Map.pop!(state.waiting, tenant)
    GenServer.reply(from, answer)
    %{state | waiting: if(others == [], do: waiting, else: Map.put(waiting, tenant, others))}
  end

  # The summary, or the error that ended the run.
  defp answered(state, last), do: %{state | error: last["error"]}

  # The next name starts a new process.
  defp ended(state, message) do
    error = state.error || %{"id" => "schemastamp.ended", "message" => message}

    for {tenant, left} <- state.waiting, from <- left do
      GenServer.reply(from, %{"tenant" => tenant, "outcome" => "unknown", "error" => error})
    end

    %{state | port: nil, waiting: %{}}
  end
end

defmodule JSONLine do
  @moduledoc "Reads a line of schemastamp. In an application: `Jason.decode!/1`, or `JSON.decode!/1` of Elixir 1.18."

  def decode(line) do
    {value, []} = value(Regex.scan(~r/"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+/u, line) |> List.flatten())
    value
  end

  defp value(["{", "}" | rest]), do: {%{}, rest}
  defp value(["{" | rest]), do: members(rest, %{})
  defp value(["[", "]" | rest]), do: {[], rest}
  defp value(["[" | rest]), do: items(rest, [])
  defp value([~s(") <> _ = text | rest]), do: {text(text), rest}
  defp value([word | rest]) when word in ~w(true false null), do: {%{"true" => true, "false" => false}[word], rest}
  defp value([number | rest]), do: {number |> Float.parse() |> elem(0), rest}

  defp members([name, ":" | rest], found) do
    {value, [mark | rest]} = value(rest)
    found = Map.put(found, text(name), value)
    if mark == ",", do: members(rest, found), else: {found, rest}
  end

  defp items(rest, found) do
    {value, [mark | rest]} = value(rest)
    if mark == ",", do: items(rest, [value | found]), else: {Enum.reverse([value | found]), rest}
  end

  @escapes %{"b" => "\b", "f" => "\f", "n" => "\n", "r" => "\r", "t" => "\t"}
  defp text(quoted) do
    Regex.replace(~r/\\(?:u([0-9a-f]{4})|(.))/u, String.slice(quoted, 1..-2//1), fn
      _, code, "" -> <<String.to_integer(code, 16)::utf8>>
      _, "", letter -> Map.get(@escapes, letter, letter)
    end)
  end
end

if System.argv() != [] do
  {:ok, sign_ups} = SignUps.start_link([])

  outcomes =
    for {:ok, answer} <- Task.async_stream(System.argv(), &SignUps.sign_up/1, timeout: :infinity) do
      IO.puts(String.trim_trailing("#{answer["tenant"]} #{answer["outcome"]} #{answer["error"]["id"]}"))
      answer["outcome"]
    end

  GenServer.stop(sign_ups)
  if Enum.any?(outcomes, &(&1 != "created")), do: System.stop(1)
end
