# A part of Ecto.Migration: prints the SQL of the file MIGRATION for the schema PREFIX.

defmodule Ecto.Migration do
  defmacro __using__(_), do: quote(do: import(Ecto.Migration))

  def prefix, do: System.fetch_env!("PREFIX")
  def execute(sql), do: IO.puts(sql <> ";")
  def table(name), do: name
  def unique_index(table, columns), do: {table, columns}
  def references(table), do: {:references, table}

  defmacro create(table, do: block) do
    quote do
      Process.put(:columns, ["id bigserial PRIMARY KEY"])
      unquote(block)
      columns = Process.get(:columns) |> Enum.reverse() |> Enum.join(", ")
      execute("CREATE TABLE #{prefix()}.#{unquote(table)} (#{columns})")
    end
  end

  def create({table, columns}) do
    name = Enum.join([table | columns] ++ ["index"], "_")
    execute("CREATE UNIQUE INDEX #{name} ON #{prefix()}.#{table} (#{Enum.join(columns, ", ")})")
  end

  def add(name, type, options \\ []) do
    null = if options[:null] == false, do: " NOT NULL", else: ""
    Process.put(:columns, ["#{name} #{type(type)}#{null}" | Process.get(:columns)])
  end

  def timestamps do
    add(:inserted_at, :timestamp, null: false)
    add(:updated_at, :timestamp, null: false)
  end

  defp type({:references, table}), do: "bigint REFERENCES #{prefix()}.#{table}(id)"
  defp type(:timestamp), do: "timestamp(0)"
  defp type(other), do: to_string(other)
end

[{module, _} | _] = Code.compile_file(System.fetch_env!("MIGRATION"))
module.change()
